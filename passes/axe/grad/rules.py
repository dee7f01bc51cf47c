"""The tables of derivatives, and the forms that rules have.

    @vjp(reverse)                                    one operand: the cotangent of x from that of y
    def _(e, g, y, x, *, axes): return e(reverse, g, axes=axes)

    vjp(dot_general, 0), vjp(dot_general, 1)         one rule per operand, called where it is wanted
    @vjp_of_all(layer_norm)                          all operands at once, where they share work
    @jvp(reduce)                                     the tangent of y from those of the operands

`e` is the emitter, g the cotangent of the result y, `ts` the tangents of the operands, None where
they do not vary. An operand without a rule has the derivative zero.

Two forms give both directions. Of a linear op (`linear`, `multilinear`) the tangent is the op
itself applied to tangents. Of a pointwise op (elementwise.py) the Jacobian is diagonal, so that one
formula, linear in g, is vjp and jvp.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from axec.dialects.axe.build import fill
from axec.dialects.axe.elementwise import add
from axec.dialects.emit import IrEmit
from axec.dialects.opdef import OpDef

Value = Any  # an MLIR value
Tangents = Sequence[Value | None]
Pull = Callable[..., Value | None]  # (e, g, y, *operands, **attrs) -> cotangent of one operand
Push = Callable[..., Value | None]  # (e, tangents, y, *operands, **attrs) -> tangent of y

VJP: dict[OpDef, dict[int, Pull]] = {}  # by operand; no entry: zero
VJP_OF_ALL: dict[OpDef, Callable[..., Sequence[Value | None]]] = {}  # (e, wanted, g, y, *xs, **a)
JVP: dict[OpDef, Push] = {}
EXPAND: dict[OpDef, Callable[..., Value | None]] = {}  # core op -> ops to differentiate in place
NO_GRADIENT: dict[OpDef, str] = {}  # op -> why it has no rules


def vjp(op: OpDef, operand: int = 0) -> Callable[[Pull], Pull]:
    """Enter the cotangent of one operand."""

    def enter(rule: Pull) -> Pull:
        VJP.setdefault(op, {})[operand] = rule
        return rule

    return enter


def vjp_of_all(op: OpDef) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a rule `(e, wanted, g, y, *xs, **attrs)` for the cotangents of all operands; `wanted`
    says of which."""

    def enter(rule: Callable[..., Any]) -> Callable[..., Any]:
        VJP_OF_ALL[op] = rule
        return rule

    return enter


def jvp(op: OpDef) -> Callable[[Push], Push]:
    """Enter the tangent of the result."""

    def enter(rule: Push) -> Push:
        JVP[op] = rule
        return rule

    return enter


def linear(op: OpDef, *operands: int) -> None:
    """The op is linear in these operands together: jvp is the op on tangents."""

    def push(e: IrEmit, ts: Tangents, y: Value, *xs: Value, **attrs: Any) -> Value | None:
        if all(ts[i] is None for i in operands):
            return None
        given = list(xs)
        for i in operands:
            t = ts[i]
            given[i] = fill(e, 0, xs[i]) if t is None else t
        return e(op, *given, **attrs)

    JVP[op] = push


def multilinear(op: OpDef, *operands: int) -> None:
    """The op is linear in each of these operands: jvp is a sum of the op with one tangent each."""

    def push(e: IrEmit, ts: Tangents, y: Value, *xs: Value, **attrs: Any) -> Value | None:
        terms = [(i, ts[i]) for i in operands if ts[i] is not None]
        return total(e, [e(op, *xs[:i], t, *xs[i + 1 :], **attrs) for i, t in terms])

    JVP[op] = push


def total(e: IrEmit, terms: Sequence[Value | None]) -> Value | None:
    """The sum of what there is; None for nothing."""
    sum_ = None
    for term in terms:
        if term is not None:
            sum_ = term if sum_ is None else e(add, sum_, term)
    return sum_
