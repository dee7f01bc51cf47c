"""The program table: what one entry does, as words that `axe_run` walks.

Little-endian i64 words; every "at" is a word index from the start of the table.

HEADER     0 magic "AXEPROG1" read as a little-endian word   1 length of the table in words
           2 n_dims, named dims (sorted)   3 n_bases, inputs + outputs + 2 (weights, arena)
           4 n_kernels, entries of `axe_kernels` that launches may name   5 n_values
           6 n_code, instructions that compute the values; 0 = the program is static
           7 values_at   8 steps_at   9 n_steps, those in loops and branches not counted
          10 block_slots   11 n_members: the most slots, and launches, of one job

VALUES     A static table (no dims, no loops) holds its n_values numbers, to be used in place.
           Otherwise `axe_run` runs the n_code instructions once, in order, on a stack of at most
           MAX_STACK words; value i is word i of the arena, whose first align64(8 * n_slots) bytes
           the planner leaves free. An instruction: opcode, operand (0 if unused), a word each:
             1 CONST c      push c                   2 DIM d    push dims[d]
             3 ADD          push pop + pop           4 MUL      push pop * pop
             5 FLOORDIV c   push floor(pop / c), c >= 1
             6 MAX          push max(pop, pop)       8 VALUE i  push value i, which is known
             7 STORE i      value i = pop; i counts up from 0 and the stack is empty after it

STEPS      A step begins with its kind; a kernel's number is that of a launch. A place is a pair
           (base index, value index of the byte offset). Steps run in order.
  LAUNCH   0 kernel, index into `axe_kernels`   1 n_args   2 n_dims
           3 units, a value index; a count <= 0 launches nothing
           4 grain >= 1, smallest number of units worth a thread
           5 joined: 1 = one job with the launch behind it, which does not depend on this one; or 0
           6 n_args places, then n_dims value indices
           Slots of the block: bases[base] + offset per argument, then the dim values.
  LOOP     0 -1   1 counter, the number of values known here   2 limit, a value index
           3 n_code   4 n_words of the body   5 n_code instructions, then the body's steps
           While value `counter` = 0, 1, ... is below the limit: the instructions store the values
           counter + 1, ...; then the body runs. All of these are unknown after the loop.
  SWITCH   0 -2   1 place of a signed integer   3 its bytes (1, 4, 8)   4 n_branches >= 1
           5 n_words of what follows: per branch the words of its steps, and these
           One branch runs: number 0 for all integers below 0, the last for those too large.
  LEAVE    0 -3   ends the innermost loop; nothing outside of one
  COPY     0 -4   1 place of the source   3 of the target   5 bytes, a value index
"""

import ast
import contextlib
import enum
import math
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain, islice, zip_longest
from typing import Any, NamedTuple, Self

from .errors import AxecError, need

MAGIC = int.from_bytes(b"AXEPROG1", "little")
# Words of a step without what it holds a number of: arguments and dims, code, steps.
HEADER_WORDS, LAUNCH_WORDS, LOOP_WORDS, SWITCH_WORDS, COPY_WORDS = 12, 6, 5, 6, 6
LOOP, SWITCH, LEAVE, COPY = -1, -2, -3, -4
MAX_STACK, MAX_SLOTS = 32, 4096
MAX_DEPTH = 64  # of loops and branches in each other
MAX_TEXT = 4096  # characters of a dim expression: bounds the recursion of whoever reads it
WORD = range(-(1 << 63), 1 << 63)

Op = enum.IntEnum("Op", ["CONST", "DIM", "ADD", "MUL", "FLOORDIV", "MAX", "STORE", "VALUE"])
Code = tuple[tuple[Op, int], ...]
Place = tuple[int, int]  # base index, value index of the byte offset

_POPS = {Op.CONST: 0, Op.DIM: 0, Op.ADD: 2, Op.MUL: 2, Op.FLOORDIV: 1, Op.MAX: 2, Op.VALUE: 0}
_FOLD: dict[Op, Callable[[list[int], int], int]] = {
    Op.CONST: lambda _, n: n, Op.ADD: lambda s, _: sum(s), Op.MUL: lambda s, _: math.prod(s),
    Op.MAX: lambda s, _: max(s), Op.FLOORDIV: lambda s, n: s[0] // n,
}  # fmt: skip
_ADD, _MUL, _NEGATE = (Op.ADD, 0), (Op.MUL, 0), ((Op.CONST, -1), (Op.MUL, 0))
_BINARY = {ast.Add: (_ADD,), ast.Sub: (*_NEGATE, _ADD), ast.Mult: (_MUL,)}


class Value(NamedTuple):
    """An integer expression over the dims, in postfix form: ((opcode, operand), ...)."""

    code: Code

    @classmethod
    @lru_cache(maxsize=4096)
    def parse(cls, text: str, dims: tuple[str, ...]) -> Self:
        """Read a dim expression: the grammar of dialects/dims.py and max(e, e); else ValueError. It
        is a part of Python's: Python's parser reads it, and only nodes of ours pass."""
        with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
            if len(text) <= MAX_TEXT:
                return cls(_postfix(ast.parse(text, mode="eval").body, dims))
        raise ValueError(f"not a dim expression: {text[:80]!r}")

    def evaluate(self, dims: Sequence[int], values: Sequence[int] = ()) -> int:
        """The number for given dim sizes (same order as the dims it was parsed with) and values."""
        stack: list[int] = []
        for op, operand in self.code:
            inputs = [stack.pop() for _ in range(_POPS[op])]
            known = dims if op is Op.DIM else values
            stack.append(_FOLD[op](inputs, operand) if op in _FOLD else known[operand])
        return stack.pop()


class Launch(NamedTuple):
    """One kernel call: `dims` and `units` are value indices. `joined` to the launch behind it."""

    kernel: int
    args: tuple[Place, ...]
    dims: tuple[int, ...]
    units: int
    grain: int = 1
    joined: bool = False


class Loop(NamedTuple):
    """Steps that run as often as value `limit` says, after `values` that depend on the counter."""

    limit: int
    values: tuple[Value, ...]
    body: tuple[Any, ...]


class Switch(NamedTuple):
    """The steps of one branch, chosen by an integer of `width` bytes."""

    place: Place
    width: int
    branches: tuple[tuple[Any, ...], ...]


class Copy(NamedTuple):
    """Bytes, as many as value `nbytes` says, to a place that is apart from theirs."""

    source: Place
    target: Place
    nbytes: int


class Leave(NamedTuple):
    """The end of the innermost loop."""


Step = Launch | Loop | Switch | Copy | Leave


class ProgramTable(NamedTuple):
    """One entry's program. `bases` counts inputs, outputs, weights and arena (in that order)."""

    n_dims: int
    n_bases: int
    n_kernels: int
    values: tuple[Value, ...]
    steps: tuple[Step, ...]

    @property
    def is_static(self) -> bool:
        """True when no value depends on a dim or a counter: they then stand in the table."""
        dynamic = any(op is Op.DIM for value in self.values for op, _ in value.code)
        return not dynamic and self.n_slots == len(self.values)

    @property
    def n_slots(self) -> int:
        """The most values, counters among them, that are known at once."""
        return _check_steps(self, self.steps, len(self.values))

    def encode(self) -> bytes:
        """The table's words. Raises AxecError `artifact-corrupt` for a table that breaks a rule."""
        known = len(self.values)
        need(min(self.n_dims, self.n_bases - 2, self.n_kernels) >= 0, "program table: counts")
        _check_values(self, self.values, 0)
        _check_steps(self, self.steps, known)
        sizes = [[len(x.args) + len(x.dims) for x in job] for job in jobs(self.steps)]
        room = [max(map(size, sizes), default=0) for size in (sum, len)]
        values = [] if self.is_static else _code_words(self.values, 0)
        n_code = len(values) // 2
        for value in self.values if self.is_static else ():
            values.append(value.evaluate((), values))
        steps, at = _step_words(self.steps, known), HEADER_WORDS + len(values)
        words = [MAGIC, at + len(steps), self.n_dims, self.n_bases, self.n_kernels]
        words += [known, n_code, HEADER_WORDS, at, len(self.steps), *room, *values, *steps]
        fits = max(room) <= MAX_SLOTS and all(word in WORD for word in words)
        need(fits, "program table: a number is too large")
        return struct.pack(f"<{len(words)}q", *words)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read and check a table; AxecError `artifact-corrupt` unless `encode` gives it back."""
        try:
            words = iter(struct.unpack(f"<{len(data) // 8}q", data))
            _, _, *n, n_values, n_code, _, _, _, _, _ = islice(words, HEADER_WORDS)
            values = tuple(_read_values(words, n_values, n_code))
            table = cls(n[0], n[1], n[2], values, tuple(_read_steps(words)))
        except (struct.error, ValueError, IndexError):
            raise AxecError("artifact-corrupt", "a program table is cut or garbled") from None
        # `encode` validates; comparing its bytes leaves no second spelling of any table.
        need(table.encode() == data, "program table: not canonical")
        return table


def inner(step: Step) -> tuple[tuple[Step, ...], ...]:
    """The sequences of steps that a step holds."""
    return (step.body,) if isinstance(step, Loop) else getattr(step, "branches", ())


def jobs(steps: Iterable[Step]) -> Iterator[list[Launch]]:
    """The launches of each job, those in loops and branches too."""
    job: list[Launch] = []
    for step in steps:
        job += [step] if isinstance(step, Launch) else []
        if job and not job[-1].joined:
            yield job
            job = []
        yield from chain.from_iterable(map(jobs, inner(step)))


def evaluate(size: int | str, dims: Mapping[str, int]) -> int:
    """The number that a manifest size (an int or a dim expression) stands for."""
    if isinstance(size, int):
        return size
    return Value.parse(size, tuple(dims)).evaluate(tuple(dims.values()))


def _read_values(words: Iterator[int], n_values: int, n_code: int) -> Iterator[Value]:
    code: Code = ()
    pair = islice(words, 2 * n_code)
    for number, operand in zip(pair, pair, strict=True):
        if number == Op.STORE:
            yield Value(code)
            code = ()
        else:
            code += ((Op(number), operand),)
    for number in islice(words, 0 if n_code else n_values):
        yield Value(((Op.CONST, number),))


def _read_steps(words: Iterator[int], depth: int = 0) -> Iterator[Step]:
    need(depth <= MAX_DEPTH, "program table: depth")
    for kind in words:
        if kind == LOOP:
            _, limit, n_code, size = islice(words, LOOP_WORDS - 1)
            values = tuple(_read_values(words, 0, n_code))
            yield Loop(limit, values, tuple(_read_steps(islice(words, size), depth + 1)))
        elif kind == SWITCH:
            base, offset, width, _, size = islice(words, SWITCH_WORDS - 1)
            rest = islice(words, size)
            branches = (tuple(_read_steps(islice(rest, n), depth + 1)) for n in rest)
            yield Switch((base, offset), width, tuple(branches))
        elif kind == COPY:
            found = tuple(islice(words, COPY_WORDS - 1))
            yield Copy(found[:2], found[2:4], found[4])  # type: ignore[arg-type]
        elif kind == LEAVE:
            yield Leave()
        else:
            n_args, n_dims, units, grain, joined = islice(words, LAUNCH_WORDS - 1)
            pair = islice(words, 2 * n_args)
            args = tuple(zip(pair, pair, strict=True))
            yield Launch(kind, args, tuple(islice(words, n_dims)), units, grain, joined == 1)


def _code_words(values: Iterable[Value], first: int) -> list[int]:
    code = [step for i, v in enumerate(values, first) for step in (*v.code, (Op.STORE, i))]
    return [int(word) for step in code for word in step]


def _step_words(steps: Iterable[Step], known: int) -> list[int]:
    words: list[int] = []
    for step in steps:
        match step:
            case Launch(kernel, args, dims, units, grain, joined):
                words += [kernel, len(args), len(dims), units, grain, joined, *chain(*args), *dims]
            case Loop(limit, values, body):
                code = _code_words(values, known + 1)
                inside = _step_words(body, known + 1 + len(values))
                words += [LOOP, known, limit, len(code) // 2, len(inside), *code, *inside]
            case Switch(index, size, branches):
                parts = [_step_words(branch, known) for branch in branches]
                inside = [word for part in parts for word in (len(part), *part)]
                words += [SWITCH, *index, size, len(branches), len(inside), *inside]
            case Copy(source, target, count):
                words += [COPY, *source, *target, count]
            case Leave():
                words.append(LEAVE)
    return words


def _check_values(table: ProgramTable, values: Sequence[Value], first: int) -> None:
    operands = {Op.CONST: WORD, Op.DIM: range(table.n_dims), Op.FLOORDIV: range(1, WORD.stop)}
    for known, value in enumerate(values, first):
        operands[Op.VALUE], depth = range(known), 0
        for op, operand in value.code:
            need(op in _POPS and operand in operands.get(op, range(1)), "program table: operand")
            need(_POPS[op] <= depth < MAX_STACK, "program table: stack")
            depth += 1 - _POPS[op]
        need(depth == 1, "program table: stack")


@lru_cache(maxsize=8)  # writing a table asks several times
def _check_steps(
    table: ProgramTable, steps: Sequence[Step], known: int, depth: int = 0, looped: bool = False
) -> int:
    most = known  # values at once: the result
    need(depth <= MAX_DEPTH, "program table: depth")
    for step, behind in zip_longest(steps, steps[1:]):
        places: tuple[Place, ...] = ()
        indices: tuple[int, ...] = ()
        own, inside = known, looped
        match step:
            case Launch(kernel, places, dims, units, grain, joined):
                indices = (units, *dims)
                need(not joined or isinstance(behind, Launch), "program table: joined")
                need(kernel in range(table.n_kernels), "program table: kernel index")
                need(grain >= 1, "program table: grain")
            case Loop(limit, values, _):
                indices, own, inside = (limit,), known + 1 + len(values), True
                _check_values(table, values, known + 1)
            case Switch(index, size, branches):
                places = (index,)
                need(size in (1, 4, 8) and branches, "program table: switch")
            case Copy(source, target, count):
                places, indices = (source, target), (count,)
            case Leave():
                need(looped, "program table: nothing to leave")
        need(all(base in range(table.n_bases) for base, _ in places), "program table: base index")
        used = (*indices, *(offset for _, offset in places))
        need(all(index in range(known) for index in used), "program table: value index")
        found = (_check_steps(table, part, own, depth + 1, inside) for part in inner(step))
        most = max([most, own, *found])
    return most


def _postfix(node: ast.expr, dims: tuple[str, ...]) -> Code:
    match node:
        case ast.Constant(value=int(number)) if type(number) is int:
            return ((Op.CONST, number),)
        case ast.Name(id=name) if name in dims:
            return ((Op.DIM, dims.index(name)),)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return _postfix(inner, dims) + _NEGATE
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _postfix(left, dims) + _postfix(right, dims) + _BINARY[type(op)]
        case ast.Call(func=ast.Name(id=name), args=[left, right], keywords=[]):
            code, by = _postfix(left, dims), _postfix(right, dims)
            if name == "max":
                return (*code, *by, (Op.MAX, 0))
            if name == "floordiv" and len(by) == 1 and by[0][0] is Op.CONST and by[0][1] >= 1:
                return (*code, (Op.FLOORDIV, by[0][1]))
    raise ValueError
