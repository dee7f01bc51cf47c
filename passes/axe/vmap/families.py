"""All families: importing this enters their batching rules into the tables."""

from axec.passes.axe.vmap import (  # noqa: F401
    arrange,
    attention,
    composite,
    contract,
    control,
    elementwise,
    indexing,
    linalg,
    reduce,
    sequence,
)
