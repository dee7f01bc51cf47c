"""Control flow that vanishes where it is decided at compile time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from axec.passes.codegen.llvm import I1, Builder, Value, constant

YES = constant(I1, 1)


@contextmanager
def steps(b: Builder, lo: Value, hi: Value, step: Value | int, name: str) -> Iterator[Value]:
    """for index in range(lo, hi, step), where that is all that the loop does."""
    with b.for_(lo, hi, step, name=name) as loop:
        yield loop.index


def when(b: Builder, cond: Value, body: Callable[[], None]) -> None:
    """if cond: body()."""
    if cond.const is None:
        with b.if_(cond):
            body()
    elif cond.const:
        body()


def unless(
    b: Builder, cond: Value, otherwise: Sequence[Value], body: Callable[[], Sequence[Value]]
) -> Sequence[Value]:
    """`otherwise` if cond, else body()."""
    if cond.const is not None:
        return otherwise if cond.const else body()
    with b.if_(negate(b, cond), otherwise) as arm:
        arm.yield_(*body())
    return arm.results


def both(b: Builder, x: Value, y: Value) -> Value:
    """x and y, of i1."""
    if x.const is not None:
        return y if x.const else x
    if y.const is not None:
        return x if y.const else y
    return b.and_(x, y)


def negate(b: Builder, x: Value) -> Value:
    """not x, of i1."""
    return b.not_(x) if x.const is None else constant(I1, 1 - x.const)


def lanes_of(b: Builder, count: Value, lanes: int, vectors: int) -> list[Value]:
    """Masks of the first `count` of vectors * lanes lanes; count may be larger or negative."""
    return [b.tail_mask(b.sub(count, j * lanes), lanes) for j in range(vectors)]
