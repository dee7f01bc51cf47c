"""JAX: ahead-of-time `lower` and `compile`, and its serialised executable."""

from __future__ import annotations

import pickle
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import serialize_executable

from versus.models import function
from versus.models import jax_models as models
from versus.peers.base import Peer


class Jax(Peer):
    def prepare(self) -> None:
        params, inputs = models.converted(self.workload.images, *self.made())
        narrow = self.workload.dtype == "bf16"
        dtype = jnp.bfloat16 if narrow else None
        self.state: Any = {k: jnp.asarray(v, dtype) for k, v in params.items()}
        self.given = [jnp.asarray(x, dtype) for x in inputs]
        if self.workload.name == "micro_gpt_train":
            zeros = [jax.tree.map(jnp.zeros_like, self.state) for _ in range(2)]
            self.state = (self.state, *zeros, jnp.float32(0))
        jax.block_until_ready((self.state, self.given))

    def function(self) -> Any:
        fn = function("jax", self.workload)
        if not self.workload.train:
            return fn
        optimiser = models.adamw if self.workload.name == "micro_gpt_train" else models.sgd
        return optimiser(fn, self.workload.rate)

    def warm(self) -> None:
        jax.jit(lambda x: x + 1).lower(jnp.zeros(2)).compile()

    def compile(self) -> None:
        donated = (0,) if self.workload.train else ()
        program = jax.jit(self.function(), donate_argnums=donated)
        self.program = program.lower(self.state, *self.given).compile()

    def build(self) -> None:
        self.compile()
        packed = pickle.dumps(serialize_executable.serialize(self.program))
        (self.folder / "model.jax").write_bytes(packed)

    def load(self) -> None:
        self.prepare()
        packed = pickle.loads((self.folder / "model.jax").read_bytes())
        self.program = serialize_executable.deserialize_and_load(*packed)

    def call(self) -> Any:
        if self.workload.train:
            self.state, result = jax.block_until_ready(self.program(self.state, *self.given))
            return result
        return jax.block_until_ready(self.program(self.state, *self.given))

    def arrays(self, result: Any) -> list[Any]:
        return [np.asarray(x, dtype=np.float32) for x in jax.tree.leaves(result)]
