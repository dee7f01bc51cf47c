"""Structured control flow: loops and conditionals as `with` blocks; the phis are made here.

    with b.for_(lo, hi, 16, carried=[zero], name="i") as loop:
        (total,) = loop.carried
        loop.yield_(b.add(total, x))
    (total,) = loop.results

Loops are emitted with the test at the end, the form that LLVM would rotate them into: then code
generation needs no loop passes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from axec.passes.codegen.llvm.emitter import operand, phi_text
from axec.passes.codegen.llvm.types import I64
from axec.passes.codegen.llvm.values import Operand, Value
from axec.passes.codegen.llvm.vector import Vectors


class _Yielding:
    """A region that hands values on: to the next iteration or to the code after it."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.yielded: tuple[Value, ...] = ()
        self.results: tuple[Value, ...] = ()

    def yield_(self, *values: Value) -> None:
        """The values that the region ends with, one per carried value."""
        if len(values) != self._count:
            raise TypeError(f"{len(values)} values yielded, {self._count} expected")
        self.yielded = values


class For(_Yielding):
    """`index` and `carried` inside the loop, `results` after it."""

    def __init__(self, index: Value, carried: Sequence[Value]) -> None:
        super().__init__(len(carried))
        self.index = index
        self.carried = tuple(carried)


class Loop(_Yielding):
    """A loop without end: leave it with `break_if`; its values become `results`."""

    def __init__(self, builder: Control, carried: Sequence[Value], done: str) -> None:
        super().__init__(len(carried))
        self.carried = tuple(carried)
        self._builder = builder
        self._done = done
        self.exits: list[tuple[tuple[Value, ...], str]] = []

    def break_if(self, cond: Value, *results: Value) -> None:
        """Leave the loop when `cond`; every break gives the same number of results."""
        self.exits.append((results, self._builder.block))
        self._builder.branch_if(cond, self._done)


class Arm(_Yielding):
    """One way of a conditional; `yield_` gives its values."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.end = ""  # the block it ends in, "" when it never reaches the end


class IfElse:
    """`with way.then():` and `with way.else_():`, each once; `results` after both."""

    def __init__(self, builder: Control, count: int) -> None:
        self._builder = builder
        self._count = count
        self._then, self._else, self.end = (builder.label(n) for n in ("then", "else", "end"))
        self.arms: list[Arm] = []
        self.results: tuple[Value, ...] = ()

    @property
    def ways(self) -> tuple[str, str]:
        """Labels of both arms."""
        return self._then, self._else

    def then(self) -> AbstractContextManager[Arm]:
        """The way taken when the condition holds."""
        return self._arm(self._then)

    def else_(self) -> AbstractContextManager[Arm]:
        """The other way."""
        return self._arm(self._else)

    @contextmanager
    def _arm(self, label: str) -> Iterator[Arm]:
        b = self._builder
        arm = Arm(self._count)
        b.place(label)
        yield arm
        arm.end = b.block
        if b.block:
            b.branch(self.end)
        self.arms.append(arm)


class Control(Vectors):
    """The control flow part of the builder."""

    @contextmanager
    def for_(
        self,
        lo: Operand,
        hi: Operand,
        step: Operand = 1,
        *,
        carried: Sequence[Value] = (),
        name: str = "i",
        nonempty: bool = False,
    ) -> Iterator[For]:
        """for index in range(lo, hi, step), i64, step > 0. `carried`: values at entry; the body
        reads `loop.carried` and ends with `loop.yield_(...)`; `loop.results` follow the loop.
        `nonempty`: lo < hi is known, no test in front. What is known to happen once is no loop."""
        lo, hi, step = operand(I64, lo), operand(I64, hi), operand(I64, step)
        if _is_one_step(lo, hi, step):
            once = For(lo, carried)
            yield once
            once.results = once.yielded
            return
        nonempty = nonempty or _known_less(lo, hi)
        body, done = self.label(f"{name}.loop"), self.label(f"{name}.done")
        before = self._enter_loop(lo, hi, body, done, nonempty)
        slot = len(self.lines)
        index, *inner = self._phis([lo, *carried], [name, *[""] * len(carried)])
        loop = For(index, inner)
        yield loop
        following = self.add(index, step, "nuw nsw", f"{name}.next")
        self._fill_phis(slot, [lo, *carried], before, [following, *loop.yielded])
        latch = self.block
        self.cond_branch(self.cmp("lt", following, hi), body, done)
        self.place(done)
        skipped = [] if nonempty else [(tuple(carried), before)]
        loop.results = self._merge([*skipped, (loop.yielded, latch)])

    @contextmanager
    def loop(self, *, carried: Sequence[Value] = (), name: str = "loop") -> Iterator[Loop]:
        """Repeat until a `loop.break_if(cond, *results)`; carried values as in `for_`."""
        body, done = self.label(name), self.label(f"{name}.done")
        before = self.block
        self.branch(body)
        self.place(body)
        slot = len(self.lines)
        loop = Loop(self, self._phis(carried, [""] * len(carried)), done)
        yield loop
        self._fill_phis(slot, carried, before, loop.yielded)
        self.branch(body)
        self.place(done)
        loop.results = self._merge(loop.exits)

    @contextmanager
    def if_(
        self, cond: Value, otherwise: Sequence[Value] = (), *, unlikely: bool = False
    ) -> Iterator[Arm]:
        """Do the block when `cond`. `otherwise`: the results when not; the block then ends with
        `yield_`."""
        arm = Arm(len(otherwise))
        then, end = self.label("then"), self.label("end")
        before = self.block
        self.cond_branch(cond, then, end, unlikely=unlikely)
        self.place(then)
        yield arm
        last = self.block
        self.place(end)
        arms = [(tuple(otherwise), before)] + ([(arm.yielded, last)] if last else [])
        arm.results = self._merge(arms)

    @contextmanager
    def if_else(self, cond: Value, results: int = 0) -> Iterator[IfElse]:
        """Two ways: `with way.then() as arm:`, `with way.else_() as arm:`; each ends with
        `arm.yield_` of `results` values, which `way.results` holds afterwards."""
        way = IfElse(self, results)
        self.cond_branch(cond, *way.ways)
        yield way
        self.place(way.end)
        way.results = self._merge([(arm.yielded, arm.end) for arm in way.arms if arm.end])

    # Shared.

    def _enter_loop(self, lo: Value, hi: Value, body: str, done: str, nonempty: bool) -> str:
        """Jump into the loop, or over it when it is empty; the block we come from."""
        if nonempty:
            before = self.block
            self.branch(body)
        else:
            some = self.cmp("lt", lo, hi)
            before = self.block
            self.cond_branch(some, body, done)
        self.place(body)
        return before

    def _phis(self, initial: Sequence[Value], names: Sequence[str]) -> list[Value]:
        """Reserve one line per loop-carried value; `_fill_phis` completes them."""
        return [self.emit("", v.type, name) for v, name in zip(initial, names, strict=True)]

    def _fill_phis(
        self, slot: int, initial: Sequence[Value], before: str, following: Sequence[Value]
    ) -> None:
        if len(following) != len(initial):
            raise TypeError("the loop body has not yielded its carried values")
        for i, (first, next_) in enumerate(zip(initial, following, strict=True), slot):
            if first.type is not next_.type:
                raise TypeError(f"carried as {first.typed}, yielded as {next_.typed}")
            self.lines[i] += phi_text([(first, before), (next_, self.block)])

    def _merge(self, arms: Sequence[tuple[tuple[Value, ...], str]]) -> tuple[Value, ...]:
        """One phi per result, or the values themselves when there is one way."""
        if len({len(values) for values, _ in arms}) > 1:
            raise TypeError("the ways into this point give different numbers of values")
        if len(arms) == 1:
            return arms[0][0]
        blocks = [block for _, block in arms]
        columns = zip(*[values for values, _ in arms], strict=True)
        return tuple(self.phi(list(zip(column, blocks, strict=True))) for column in columns)


def _is_one_step(lo: Value, hi: Value, step: Value) -> bool:
    if lo.const is None or hi.const is None or step.const is None:
        return False
    return 0 < hi.const - lo.const <= step.const


def _known_less(x: Value, y: Value) -> bool:
    return x.const is not None and y.const is not None and x.const < y.const
