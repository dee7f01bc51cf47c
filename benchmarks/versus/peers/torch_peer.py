"""torch: eager, torch.compile (inductor), and AOTInductor."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import torch
from torch import _inductor  # noqa: F401  (AOTInductor's loader)

from versus.peers.base import Peer


class Eager(Peer):
    def prepare(self) -> None:
        from versus.models import function
        from versus.models.torch_models import Model

        torch.set_num_threads(self.threads)
        params, _ = self.made()
        self.given = self._tensors(self.inputs())
        tensors = dict(zip(params, self._tensors(params.values()), strict=True))
        self.model = Model(function("torch", self.workload), tensors, self.workload.train)
        self.run = self.model
        if self.workload.train:
            self.optimiser = self._optimiser()

    def _tensors(self, arrays: Iterable[Any]) -> list[Any]:
        tensors = [torch.from_numpy(x) for x in arrays]
        tensors = [x.bfloat16() for x in tensors] if self.workload.dtype == "bf16" else tensors
        return [x.to(memory_format=self._layout()) if x.ndim == 4 else x for x in tensors]

    def _layout(self) -> Any:
        """The faster of its layouts."""
        last = self.workload.images and not self.workload.train
        return torch.channels_last if last else torch.preserve_format

    def _optimiser(self) -> Any:
        params, rate = list(self.model.parameters()), self.workload.rate
        if self.workload.model == "micro_gpt_train":
            return torch.optim.AdamW(params, lr=rate, weight_decay=0.01, fused=True)
        return torch.optim.SGD(params, lr=rate, fused=True)

    def load(self) -> None:
        self.prepare()

    def call(self) -> Any:
        if self.workload.train:
            with torch.autocast("cpu", torch.bfloat16, enabled=self.workload.dtype == "amp"):
                loss = self.run(*self.given)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self.optimiser.step()
            return loss.detach()
        return self._forward()

    def _forward(self) -> Any:
        with torch.inference_mode():
            return self.run(*self.given)

    def arrays(self, result: Any) -> list[Any]:
        found = result if isinstance(result, (tuple, list)) else [result]
        return [x.detach().float().contiguous().numpy() for x in found]


class Inductor(Eager):
    """What it compiled lies in its own cache, which `load` finds."""

    def prepare(self) -> None:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(self.folder / "cache")
        super().prepare()
        self.run = torch.compile(self.model, dynamic=False)

    def compile(self) -> None:
        self.call()

    def build(self) -> None:
        self.call()

    def _forward(self) -> Any:
        with torch.no_grad():
            return self.run(*self.given)


class AOTInductor(Inductor):
    def prepare(self) -> None:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(self.folder / "cache")
        Eager.prepare(self)

    def compile(self) -> None:
        with torch.no_grad():
            exported = torch.export.export(self.model.eval(), tuple(self.given))
        path = str(self.folder / "model.pt2")
        torch._inductor.aoti_compile_and_package(exported, package_path=path)

    def build(self) -> None:
        self.compile()

    def load(self) -> None:
        torch.set_num_threads(self.threads)
        self.given = self._tensors(self.inputs())
        self.run = torch._inductor.aoti_load_package(str(self.folder / "model.pt2"))
