"""What a kernel of each template may hold, said again and independently of the fuser: the promise
that back ends build on (dialects/kernel.py, passes/kernel/templates/)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from axec.dialects import types
from axec.dialects.axe import OPS
from axec.dialects.kernel import body_of, yielded
from axec.mlir import ir
from axec.passes.kernel import templates
from axec.passes.kernel.templates.attention import PARTS


def broken_rules(kernel: Any) -> list[str]:
    """What a kernel.fused or kernel.define does that its template does not allow."""
    template = templates.template_of(kernel)
    if template == "attention":
        return _attention(kernel)
    found = [f"composite {o.name}" for o in _ops(kernel) if OPS[o.name].group == "composite"]
    found += [f"{o.name} changes more than axes of size 1" for o in _ops(kernel) if _is_alias(o)]
    return found + RULES[template](kernel)


def _ops(kernel: Any) -> list[Any]:
    return templates.ops_of(kernel)


def _is_alias(op: Any) -> bool:
    if OPS[op.name].group != "alias":
        return False
    before, after = (
        [n for n in types.of(v).shape if n != 1] for v in (op.operands[0], op.results[0])
    )
    return before != after


def _one_shape(kernel: Any) -> list[str]:
    shapes = {types.of(v).shape for v in yielded(kernel)}
    return [] if len(shapes) == 1 else [f"results of shapes {shapes}"]


def _folds(kernel: Any) -> list[Any]:
    return [o for o in _ops(kernel) if OPS[o.name].group == "contract"]


def _map(kernel: Any) -> list[str]:
    foreign = [o for o in _ops(kernel) if OPS[o.name].group in ("contract", "matrix")]
    return _one_shape(kernel) + [f"{o.name} in a map" for o in foreign]


def _reduce(kernel: Any) -> list[str]:
    folds = _folds(kernel)
    if len(folds) != 1:
        return [f"{len(folds)} folding ops"]
    shapes = {types.of(v).shape for v in (*yielded(kernel), folds[0].results[0])}
    return [] if len(shapes) == 1 else [f"results of other shapes than the fold's: {shapes}"]


def _gemm(kernel: Any) -> list[str]:
    found = _reduce(kernel)
    if found:
        return found
    dot = _folds(kernel)[0]
    product = templates.product_of(dot)
    if product is None:
        return ["no product that the template takes"]
    factors = []
    for value in dot.operands:
        while isinstance(value, ir.OpResult) and value.owner.name in product.through:
            factors.append(value.owner.operation)
            value = value.owner.operands[0]
        if isinstance(value, ir.OpResult):
            found.append(f"a factor is made by {value.owner.name}")
    for op in _ops(kernel):
        simple = OPS[op.name].group in ("pointwise", "constant", "alias")
        if not simple and op.name != "axe.broadcast" and op != dot and op not in factors:
            found.append(f"{op.name} beside the product")
    return found


def _row(kernel: Any) -> list[str]:
    folds = _folds(kernel)
    if not folds or any(o.name != "axe.reduce" for o in folds):
        return [f"folds {[o.name for o in folds]}"]
    rows = templates.rows(kernel)
    full = (*rows.lead, *rows.trail)
    found = []
    for op in folds:
        if templates.rows_of(op) != rows:
            found.append("reductions of different rows")
    for op in _ops(kernel):
        if OPS[op.name].group == "arrange" and op.name != "axe.broadcast":
            found.append(f"{op.name} in a row kernel")
    for value in yielded(kernel):
        shape = types.of(value).shape
        if shape != full and not _is_per_row(shape, rows):
            found.append(f"a result of shape {shape}")
    return found + _foreign_rows(kernel, rows)


def _is_per_row(shape: types.Shape, rows: templates.Rows) -> bool:
    lead = len(rows.lead)
    padded = (*shape, *(1,) * (lead + len(rows.trail) - len(shape)))
    return padded == (*rows.lead, *(1,) * len(rows.trail))


def _foreign_rows(kernel: Any, rows: templates.Rows) -> list[str]:
    """Values that depend on a reduction are read by the row that they belong to."""
    found = []
    dependent: set[Any] = set()
    for op in _ops(kernel):
        inputs = [v for v in op.operands if v in dependent]
        if op.name == "axe.broadcast" and inputs:
            axes = list(op.attributes["axes"])
            if axes != list(range(len(axes))):
                found.append("a broadcast takes a row's value to other rows")
        if inputs or op.name == "axe.reduce":
            dependent.add(op.results[0])
    return found


def _attention(kernel: Any) -> list[str]:
    """Ops of the family, and what only says where numbers lie."""
    found = [
        f"{o.name} in an attention kernel"
        for o in _ops(kernel)
        if o.name not in PARTS and o.name not in VIEWS
    ]
    results = [v.owner for v in yielded(kernel)]
    while any(o.name == "axe.transpose" for o in results):
        results = [o.operands[0].owner if o.name == "axe.transpose" else o for o in results]
    return found + [f"a result of {o.name}" for o in results if o.name not in PARTS]


VIEWS = ("axe.transpose", "axe.slice", "axe.reshape", "axe.broadcast")


def _matrix(kernel: Any) -> list[str]:
    ops = _ops(kernel)
    alone = len(ops) == 1 and OPS[ops[0].name].group == "matrix"
    return [] if alone else [f"{[o.name for o in ops]} in a matrix kernel"]


RULES: dict[str, Callable[[Any], list[str]]] = {
    "map": _map,
    "row": _row,
    "reduce": _reduce,
    "gemm": _gemm,
    "matrix": _matrix,
}


def kernels_of(module: Any) -> list[Any]:
    """All kernel.fused and kernel.define ops of a module."""
    found = []
    for o in module.body.operations:
        op = o.operation
        if op.name == "kernel.define":
            found.append(op)
        elif op.name == "func.func":
            inner = (i.operation for i in op.regions[0].blocks[0].operations)
            found += [i for i in inner if i.name == "kernel.fused"]
    return found


def assert_kernels(module: Any) -> None:
    """Every kernel keeps its template's rules; outside of kernels there are only views."""
    for kernel in kernels_of(module):
        assert not broken_rules(kernel), f"{broken_rules(kernel)}\n{body_of(kernel)}"
    for o in module.body.operations:
        if o.operation.name == "func.func":
            names = {i.operation.name for i in o.operation.regions[0].blocks[0].operations}
            assert names <= {"kernel.fused", "kernel.call", "axe.reshape", "func.return"}, names
