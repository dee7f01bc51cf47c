"""The program table: what one entry does, as words that `axe_run` walks.

Little-endian i64 words; every "at" is a word index from the start of the table.

HEADER     0 magic "AXEPROG1" read as a little-endian word   1 length of the table in words
           2 n_dims, named dims (sorted)   3 n_bases, inputs + outputs + 2 (weights, arena)
           4 n_kernels, entries of `axe_kernels` that launches may name   5 n_values
           6 n_code, instructions that compute the values; 0 = the program is static
           7 values_at   8 launches_at   9 n_launches
          10 block_slots, room that the largest block needs   11 zero

VALUES     A static table holds its n_values numbers, to be used in place. Otherwise `axe_run` runs
           the n_code instructions once, in order, on a stack of at most MAX_STACK words; STORE
           writes value i to word i of the arena, whose first align64(8 * n_values) bytes the
           planner leaves free. An instruction is two words, opcode and operand (0 if unused):
             1 CONST c      push c                   2 DIM d    push dims[d]
             3 ADD          push pop + pop           4 MUL      push pop * pop
             5 FLOORDIV c   push floor(pop / c), c >= 1
             6 MAX          push max(pop, pop)
             7 STORE i      value i = pop; i counts up from 0 and the stack is empty after it

LAUNCH     0 kernel, index into `axe_kernels`   1 n_args   2 n_dims
           3 units, a value index; a count <= 0 launches nothing
           4 grain >= 1, smallest number of units worth a thread
           5 n_args pairs (base index, value index of the byte offset), then n_dims value indices
           Slots of the block: bases[base] + offset per argument, then the dim values.
"""

import ast
import contextlib
import enum
import math
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain, islice
from typing import NamedTuple, Self

from .errors import AxecError, need

MAGIC = int.from_bytes(b"AXEPROG1", "little")
HEADER_WORDS, LAUNCH_WORDS = 12, 5  # of a launch record: without its arguments and dims
MAX_STACK, MAX_SLOTS = 32, 4096
MAX_TEXT = 4096  # characters of a dim expression: bounds the recursion of whoever reads it
WORD = range(-(1 << 63), 1 << 63)

Op = enum.IntEnum("Op", ["CONST", "DIM", "ADD", "MUL", "FLOORDIV", "MAX", "STORE"])  # from 1
Code = tuple[tuple[Op, int], ...]

_POPS = {Op.CONST: 0, Op.DIM: 0, Op.ADD: 2, Op.MUL: 2, Op.FLOORDIV: 1, Op.MAX: 2}
_FOLD: dict[Op, Callable[[list[int]], int]] = {Op.ADD: sum, Op.MUL: math.prod, Op.MAX: max}
_ADD, _MUL, _NEGATE = (Op.ADD, 0), (Op.MUL, 0), ((Op.CONST, -1), (Op.MUL, 0))
_BINARY = {ast.Add: (_ADD,), ast.Sub: (*_NEGATE, _ADD), ast.Mult: (_MUL,)}


class Value(NamedTuple):
    """An integer expression over the dims, in postfix form: ((opcode, operand), ...)."""

    code: Code

    @classmethod
    @lru_cache(maxsize=4096)
    def parse(cls, text: str, dims: tuple[str, ...]) -> Self:
        """Read a dim expression: the grammar of dialects/dims.py and max(e, e); else ValueError.

        It is a part of Python's grammar: Python's parser reads it, and only nodes of ours pass.
        """
        with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
            if len(text) <= MAX_TEXT:
                return cls(_postfix(ast.parse(text, mode="eval").body, dims))
        raise ValueError(f"not a dim expression: {text[:80]!r}")

    def evaluate(self, dims: Sequence[int]) -> int:
        """The number for given dim sizes (same order as the dims it was parsed with)."""
        stack: list[int] = []
        for op, operand in self.code:
            inputs = [stack.pop() for _ in range(_POPS[op])]
            if op in _FOLD:
                stack.append(_FOLD[op](inputs))
            elif op is Op.FLOORDIV:
                stack.append(inputs[0] // operand)
            else:
                stack.append(operand if op is Op.CONST else dims[operand])
        return stack.pop()


class Launch(NamedTuple):
    """One kernel call: `args` are (base index, value index), `dims` and `units` value indices."""

    kernel: int
    args: tuple[tuple[int, int], ...]
    dims: tuple[int, ...]
    units: int
    grain: int = 1


class ProgramTable(NamedTuple):
    """One entry's program. `bases` counts inputs, outputs, weights and arena (in that order)."""

    n_dims: int
    n_bases: int
    n_kernels: int
    values: tuple[Value, ...]
    launches: tuple[Launch, ...]

    @property
    def is_static(self) -> bool:
        """True when no value depends on a dim: the values then stand in the table."""
        return all(op is not Op.DIM for value in self.values for op, _ in value.code)

    def encode(self) -> bytes:
        """The table's words. Raises AxecError `artifact-corrupt` for a table that breaks a rule."""
        _validate(self)
        code = [step for i, v in enumerate(self.values) for step in (*v.code, (Op.STORE, i))]
        if self.is_static:
            values, n_code = [v.evaluate(()) for v in self.values], 0
        else:
            values, n_code = [int(word) for step in code for word in step], len(code)
        launches, slots = [], 0
        for launch in self.launches:
            counts = len(launch.args), len(launch.dims)
            launches += [launch.kernel, *counts, launch.units, launch.grain]
            launches += [*chain.from_iterable(launch.args), *launch.dims]
            slots = max(slots, sum(counts))
        launches_at = HEADER_WORDS + len(values)
        words = [MAGIC, launches_at + len(launches), self.n_dims, self.n_bases, self.n_kernels]
        words += [len(self.values), n_code, HEADER_WORDS, launches_at, len(self.launches), slots, 0]
        words += values + launches
        fits = slots <= MAX_SLOTS and all(word in WORD for word in words)
        need(fits, "program table: a number is too large")
        return struct.pack(f"<{len(words)}q", *words)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read and check a table; AxecError `artifact-corrupt` unless `encode` gives it back."""
        try:
            words = iter(struct.unpack(f"<{len(data) // 8}q", data))
            _, _, *n, n_values, n_code, _, _, n_launches, _, _ = islice(words, HEADER_WORDS)
            values = tuple(_read_values(words, n_values, n_code))
            table = cls(n[0], n[1], n[2], values, tuple(_read_launches(words, n_launches)))
        except (struct.error, ValueError, IndexError):
            raise AxecError("artifact-corrupt", "a program table is cut or garbled") from None
        # `encode` validates; comparing its bytes leaves no second spelling of any table.
        need(table.encode() == data, "program table: not canonical")
        return table


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


def _read_launches(words: Iterator[int], count: int) -> Iterator[Launch]:
    for _ in range(count):
        kernel, n_args, n_dims, units, grain = islice(words, LAUNCH_WORDS)
        pair = islice(words, 2 * n_args)
        args = tuple(zip(pair, pair, strict=True))
        yield Launch(kernel, args, tuple(islice(words, n_dims)), units, grain)


def _validate(table: ProgramTable) -> None:
    need(table.n_dims >= 0 and table.n_bases >= 2 and table.n_kernels >= 0, "program table: counts")
    operands = {Op.CONST: WORD, Op.DIM: range(table.n_dims), Op.FLOORDIV: range(1, WORD.stop)}
    for value in table.values:
        depth = 0
        for op, operand in value.code:
            need(op in _POPS and operand in operands.get(op, range(1)), "program table: operand")
            need(_POPS[op] <= depth < MAX_STACK, "program table: stack")
            depth += 1 - _POPS[op]
        need(depth == 1, "program table: stack")
    indices, bases = range(len(table.values)), range(table.n_bases)
    for launch in table.launches:
        used = (launch.units, *launch.dims, *(offset for _, offset in launch.args))
        need(launch.kernel in range(table.n_kernels), "program table: kernel index")
        need(all(base in bases for base, _ in launch.args), "program table: base index")
        need(all(index in indices for index in used), "program table: value index")
        need(launch.grain >= 1, "program table: grain")


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
