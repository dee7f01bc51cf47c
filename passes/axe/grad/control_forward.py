"""Forward mode through branches and loops: their bodies take and give tangents beside values.

%c, %ys = control.scan(%init, %xs, %w) {body = @b, carries = 1, xs = 1}
=>
%c, %tc, %ys, %tys = control.scan(%init, %tinit, %xs, %txs, %w, %tw) {body = @b.jvp, carries = 2}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from axec.dialects import control
from axec.passes.axe.depend import of_op, smooth
from axec.passes.axe.grad.forward import CONTROL, Dual, jvp
from axec.passes.axe.walk import Value, Walk, groups, results_of


def _varying(dual: Dual, op: Any, operands: Sequence[Value]) -> tuple[list[int], list[int]]:
    """The operands that have tangents, and the results that get them."""
    wrt = [i for i, v in enumerate(operands) if v in dual.tangents]
    reach = of_op(dual.functions, op, smooth)
    return wrt, [j for j, places in enumerate(reach) if not places.isdisjoint(wrt)]


def _call(dual: Dual, op: Any, operands: list[Value]) -> Sequence[Value]:
    wrt, outs = _varying(dual, op, operands)
    tangents = [dual.tangents[operands[i]] for i in wrt]
    name = _moved(dual, control.Call.of(op).callee, operands, wrt, outs)
    types = results_of(dual.functions, name)
    op_and_tangents = control.Call(name).create([*operands, *tangents], types, op.location)
    return _entered(dual, list(op_and_tangents.results), len(op.results), outs)


def _switch(dual: Dual, op: Any, operands: list[Value]) -> Sequence[Value]:
    wrt, outs = _varying(dual, op, operands)
    tangents = [dual.tangents[operands[i]] for i in wrt]
    places = [i - 1 for i in wrt]
    names = control.Switch.of(op).branches
    branches = tuple(_moved(dual, b, operands[1:], places, outs) for b in names)
    types = results_of(dual.functions, branches[0])
    op_and_tangents = control.Switch(branches).create([*operands, *tangents], types, op.location)
    return _entered(dual, list(op_and_tangents.results), len(op.results), outs)


def _moved(
    dual: Dual, name: str, args: Sequence[Value], wrt: Sequence[int], outs: Sequence[int]
) -> str:
    """A new function: of arguments, and of tangents of those at `given`, the results of the named
    one and the tangents of those at `outs`. The arguments at `given` have tangents here."""
    count = len(args)
    kinds = [*(v.type for v in args), *(args[i].type for i in wrt)]

    def body(*xs: Value) -> list[Value]:
        along = dict(zip(wrt, xs[count:], strict=True))
        return jvp(dual.functions, dual.functions.block(name), xs[:count], along, outs)

    return dual.functions.add(f"{name}.jvp", kinds, body, (*wrt, -1, *outs))


def _entered(dual: Dual, results: list[Value], count: int, outs: Sequence[int]) -> list[Value]:
    """The first `count` of some values; the others are the tangents of those at `outs`."""
    dual.tangents.update((results[j], t) for j, t in zip(outs, results[count:], strict=True))
    return results[:count]


def _while(dual: Dual, op: Any, operands: list[Value]) -> Sequence[Value]:
    loop = control.While.of(op)
    wrt, outs = _varying(dual, op, operands)
    fixed = [i for i in wrt if i >= loop.carries]
    tangents = [dual.tangent(operands[k]) for k in outs]
    others = [dual.tangents[operands[i]] for i in fixed]
    carry, consts = operands[: loop.carries], operands[loop.carries :]
    sizes = [len(carry), len(tangents), len(consts), len(others)]
    whole = [*carry, *tangents, *consts, *others]
    kinds, key = [v.type for v in whole], (*outs, -1, *fixed)
    functions = dual.functions

    def test(*xs: Value) -> list[Value]:
        c, _, k, _ = groups(xs, sizes)
        return Walk(functions).block(functions.block(loop.condition), [*c, *k])

    def body(*xs: Value) -> list[Value]:
        c, tc, k, tk = groups(xs, sizes)
        along = dict(zip((*outs, *fixed), (*tc, *tk), strict=True))
        return jvp(functions, functions.block(loop.body), [*c, *k], along, outs)

    moving = control.While(
        functions.add(f"{loop.condition}.jvp", kinds, test, key),
        functions.add(f"{loop.body}.jvp", kinds, body, key),
        len(carry) + len(tangents),
    ).create(whole, op.location)
    return _entered(dual, list(moving.results), len(carry), outs)


def _scan(dual: Dual, op: Any, operands: list[Value]) -> Sequence[Value]:
    loop, functions = control.Scan.of(op), dual.functions
    wrt, outs = _varying(dual, op, operands)
    carries = [k for k in outs if k < loop.carries]
    init, xs, consts = loop.split(operands)
    tangents = [dual.tangent(init[k]) for k in carries]
    places = loop.split(range(len(operands)))
    rows, fixed = ([i for i in part if i in wrt] for part in places[1:])
    along_xs, along_consts = ([dual.tangents[operands[i]] for i in p] for p in (rows, fixed))
    parts = [init, tangents, xs, along_xs, consts, along_consts]
    count = len(op.results)
    block = functions.block(loop.body)
    own = [a.type for a in block.arguments]
    one = loop.split(own[1:])
    kinds = [*own[:1], *one[0], *(t.type for t in tangents), *one[1], *(own[1 + i] for i in rows),
             *one[2], *(t.type for t in along_consts)]  # fmt: skip

    def body(i: Value, *ys: Value) -> list[Value]:
        c, tc, x, tx, k, tk = groups(ys, list(map(len, parts)))
        moved = zip((*carries, *rows, *fixed), (*tc, *tx, *tk), strict=True)
        along = {1 + place: t for place, t in moved}
        found = jvp(functions, block, [i, *c, *x, *k], along, outs)
        return _in_order(found, loop.carries, len(carries), count)

    name = functions.add(f"{loop.body}.jvp", kinds, body, (*outs, -1, *rows, -1, *fixed))
    wide = control.Scan(
        name, loop.carries + len(carries), loop.xs + len(rows), loop.length, loop.reverse
    )
    made = wide.create([v for p in parts for v in p], results_of(functions, name), op.location)
    found = list(made.results)
    middle = len(carries) + count  # carries, their tangents, ys, theirs -> results, tangents
    values = found[: loop.carries] + found[wide.carries : middle]
    moved = found[loop.carries : wide.carries] + found[middle:]
    return _entered(dual, values + moved, count, outs)


def _in_order(results: list[Value], carries: int, moving: int, count: int) -> list[Value]:
    """(carries, ys, tangents of both) as (carries, their tangents, ys, their tangents)."""
    tangents = results[count:]
    return [*results[:carries], *tangents[:moving], *results[carries:count], *tangents[moving:]]


CONTROL["control.call"] = _call
CONTROL["control.switch"] = _switch
CONTROL["control.while"] = _while
CONTROL["control.scan"] = _scan
