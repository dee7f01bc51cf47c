"""axec: `build` writes an artifact, `load` is the runtime alone, calls are given `out=`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from versus.peers.base import Peer, aligned


class Axec(Peer):
    def prepare(self) -> None:
        # The models import the compiler's parts, which `axec` alone leaves to their first use.
        from versus.models import axec_models as models

        params, given = self.made()
        self.params = dict(zip(params, self._narrowed(params.values()), strict=True))
        self.given = self._narrowed(given)
        if self.workload.train:
            self.optimiser = models.optimiser(self.workload.model, self.workload.rate)
            self.state = self.optimiser.init(self.params)

    def _narrowed(self, arrays: Iterable[Any]) -> list[Any]:
        if self.workload.dtype != "bf16":
            return list(arrays)
        import ml_dtypes

        return [x.astype(ml_dtypes.bfloat16) for x in arrays]

    def _program(self, params: Any) -> Any:
        import axec as axe
        from versus.models import axec_models as models
        from versus.models import function

        fn, specs = function("axec", self.workload), axe.spec_like(self.given)
        name = self.workload.name
        if self.workload.dtype == "amp":
            fn = axe.amp(fn)
        if not self.workload.train:
            return axe.compile(fn, params, *specs, name=name)
        state = axe.spec_like(self.params), axe.spec_like(self.state)
        return axe.compile(models.step(fn, self.optimiser), *state, *specs, name=name)

    def warm(self) -> None:
        import axec as axe

        axe.compile(lambda x: x + 1, axe.spec((2,), axe.float32)).to_bytes()

    def compile(self) -> None:
        """Parameters are inputs here, as in JAX: nothing is packed or hashed."""
        import axec as axe

        self._program(axe.spec_like(self.params)).to_bytes()

    def build(self) -> None:
        import axec as axe

        self._program(self.params).save(self.folder / "model.axe")
        if self.workload.train:
            leaves = axe.tree.leaves((self.params, self.state))
            np.savez(self.folder / "state.npz", *map(np.asarray, leaves))

    def load(self) -> None:
        from axec.runtime import load
        from axec.runtime.tree import unflatten

        program = load(self.folder / "model.axe")
        name = next(iter(program.entries))
        self.function, spec = program[name], program.manifest["entries"][name]
        arrays = self._narrowed(self.inputs())
        state: list[Any] = []
        if self.workload.train:
            with np.load(self.folder / "state.npz") as file:
                state = [aligned(file[key]) for key in file.files]
        shapes = [(a["shape"], a["dtype"]) for a in spec["outputs"]]
        outputs = [aligned(np.empty(tuple(map(int, s)), _dtype(d))) for s, d in shapes]
        # A step's results (loss, state) are the next step's state: two sets take turns.
        loss, following = outputs[: len(outputs) - len(state)], outputs[len(outputs) - len(state) :]
        turns = [(state, following), (following, state)]
        self.turns = [
            (
                tuple(unflatten(spec["in_tree"], iter([*before, *arrays])).values()),
                unflatten(spec["out_tree"], iter([*loss, *after])),
            )
            for before, after in turns
        ]
        self.turn, self.results = 0, loss

    def call(self) -> Any:
        arguments, out = self.turns[self.turn]
        self.function(*arguments, out=out, threads=self.threads)
        self.turn ^= self.workload.train
        return self.results


def _dtype(name: str) -> Any:
    from axec.runtime.abi import DTYPES

    if name == "bf16":
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(DTYPES[name][1])
