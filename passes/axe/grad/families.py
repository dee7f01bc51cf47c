"""All families: importing this enters their derivatives into the tables."""

from axec.passes.axe.grad import (  # noqa: F401
    arrange,
    attention,
    call_reverse,
    composite,
    constants,
    contract,
    control_forward,
    control_reverse,
    elementwise,
    indexing,
    linalg,
    reduce,
    scatter,
    sequence,
    switch_reverse,
)
