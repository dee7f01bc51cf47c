"""IREE: StableHLO from JAX, compiled for this CPU with the options that a tuning user asks for."""

from __future__ import annotations

from typing import Any

import numpy as np

from versus.peers.base import Peer

FLAGS = (
    "--iree-llvmcpu-target-cpu=host",
    "--iree-opt-level=O3",
    "--iree-opt-data-tiling",
)


class Iree(Peer):
    def prepare(self) -> None:
        from versus.peers.jax_peer import Jax

        self.front = Jax(self.workload, self.threads, self.folder)
        self.front.prepare()

    def compile(self) -> None:
        import iree.compiler
        import jax

        lowered = jax.jit(self.front.function(), keep_unused=True).lower(
            self.front.state, *self.front.given
        )
        text = str(lowered.compiler_ir("stablehlo"))
        self.program = iree.compiler.compile_str(
            text, input_type="stablehlo", target_backends=["llvm-cpu"], extra_args=list(FLAGS)
        )

    def build(self) -> None:
        import jax

        self.compile()
        (self.folder / "model.vmfb").write_bytes(self.program)
        leaves = [np.asarray(x) for x in jax.tree.leaves(self.front.state)]
        np.savez(self.folder / "state.npz", *leaves)
        np.savez(self.folder / "given.npz", *map(np.asarray, self.front.given))

    def load(self) -> None:
        import iree.runtime as rt

        flat = []
        for name in ("state", "given"):
            with np.load(self.folder / f"{name}.npz") as file:
                flat += [file[key] for key in file.files]
                if name == "state":
                    self.count = len(flat)
        if self.threads > 1:
            rt.flags.parse_flags(f"--task_topology_group_count={self.threads}")
        config = rt.Config("local-sync" if self.threads == 1 else "local-task")
        self.given = [rt.asdevicearray(config.device, x) for x in flat]
        packed = (self.folder / "model.vmfb").read_bytes()
        module = rt.VmModule.copy_buffer(config.vm_instance, packed)
        self.context = rt.SystemContext(config=config)
        self.context.add_vm_module(module)
        self.function = self.context.modules[module.name]["main"]

    def call(self) -> Any:
        found = self.function(*self.given)
        results = list(found) if isinstance(found, (tuple, list)) else [found]
        if self.workload.train:  # flat: the state, then the loss
            self.given[: self.count] = results[: self.count]
            return results[self.count :]
        return results

    def arrays(self, result: Any) -> list[Any]:
        return [np.asarray(x.to_host(), dtype=np.float32) for x in result]
