"""The program table: what one entry does, as words that `axe_run` walks.

Little-endian i64 words; every "at" is a word index from the start of the table.

HEADER     0 magic          "AXEPROG1" read as a little-endian word
           1 length         words of the whole table
           2 n_dims         named dims of the entry (sorted by name)
           3 n_bases        inputs + outputs + 2 (weights, arena)
           4 n_kernels      entries of `axe_kernels` that launches may name
           5 n_values       values
           6 n_code         instructions that compute the values; 0 = the program is static
           7 values_at      static: n_values numbers; else n_code instructions of 2 words
           8 launches_at    n_launches records, one after the other
           9 n_launches
          10 block_slots    slots of the largest block; `axe_run` needs that much room
          11 (zero)

VALUES     A static table holds its values, to be used in place. Otherwise `axe_run` runs the
           instructions once, in order, on a stack of at most MAX_STACK words; STORE writes value i
           to word i of the arena, whose first align64(8 * n_values) bytes the planner leaves free.
           An instruction is (opcode, operand):
             1 CONST c      push c
             2 DIM d        push dims[d]
             3 ADD          push pop + pop          (operand 0)
             4 MUL          push pop * pop          (operand 0)
             5 FLOORDIV c   push floor(pop / c), c >= 1
             6 MAX          push max(pop, pop)      (operand 0)
             7 STORE i      value i = pop; i counts up from 0 and the stack is empty after it

LAUNCH     0 kernel         index into `axe_kernels`
           1 n_args
           2 n_dims
           3 units          value index; a count <= 0 launches nothing
           4 grain          smallest number of units worth a thread, >= 1
           5 ...            n_args pairs (base index, value index of the byte offset)
             ...            n_dims value indices
           Slots of the block: bases[base] + offset per argument, then the dim values.
"""

from __future__ import annotations

import enum
import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from .errors import AxecError

__all__ = ["MAGIC", "MAX_SLOTS", "MAX_STACK", "Launch", "Op", "ProgramTable", "Value", "evaluate"]

MAGIC = int.from_bytes(b"AXEPROG1", "little")
HEADER_WORDS = 12
LAUNCH_WORDS = 5
MAX_STACK = 32
MAX_SLOTS = 4096


class Op(enum.IntEnum):
    """Opcodes of the value program."""

    CONST = 1
    DIM = 2
    ADD = 3
    MUL = 4
    FLOORDIV = 5
    MAX = 6
    STORE = 7


# How far each opcode moves the top of the stack.
_EFFECT = {Op.CONST: 1, Op.DIM: 1, Op.ADD: -1, Op.MUL: -1, Op.FLOORDIV: 0, Op.MAX: -1, Op.STORE: -1}


@dataclass(frozen=True, slots=True)
class Value:
    """An integer expression over the dims, in postfix form: ((opcode, operand), ...)."""

    code: tuple[tuple[Op, int], ...]

    @staticmethod
    def const(number: int) -> Value:
        """The expression that is always `number`."""
        return Value(((Op.CONST, number),))

    @staticmethod
    def parse(text: str, dims: Sequence[str]) -> Value:
        """Read an int or a canonical dim expression; ValueError on anything else.

        Grammar as in dialects/dims.py (+ - * floordiv(e, INT) parentheses) with max(e, e) on top.
        """
        return _parse(text, tuple(dims))

    @property
    def is_static(self) -> bool:
        """True when no dim occurs."""
        return all(op is not Op.DIM for op, _ in self.code)

    def evaluate(self, dims: Sequence[int]) -> int:
        """The number for given dim sizes (same order as the dims it was parsed with)."""
        stack: list[int] = []
        for op, operand in self.code:
            if op is Op.CONST:
                stack.append(operand)
            elif op is Op.DIM:
                stack.append(dims[operand])
            elif op is Op.FLOORDIV:
                stack.append(stack.pop() // operand)
            else:
                right, left = stack.pop(), stack.pop()
                stack.append(_BINARY[op](left, right))
        return stack.pop()


_BINARY: dict[Op, Callable[[int, int], int]] = {
    Op.ADD: lambda a, b: a + b,
    Op.MUL: lambda a, b: a * b,
    Op.MAX: max,
}


@dataclass(frozen=True, slots=True)
class Launch:
    """One kernel call: `args` are (base index, value index), `dims` and `units` value indices."""

    kernel: int
    args: tuple[tuple[int, int], ...]
    dims: tuple[int, ...]
    units: int
    grain: int = 1

    @property
    def slots(self) -> int:
        """Slots of the kernel's block."""
        return len(self.args) + len(self.dims)


@dataclass(frozen=True, slots=True)
class ProgramTable:
    """One entry's program. `bases` counts inputs, outputs, weights and arena (in that order)."""

    n_dims: int
    n_bases: int
    n_kernels: int
    values: tuple[Value, ...]
    launches: tuple[Launch, ...]

    @property
    def is_static(self) -> bool:
        """True when no value depends on a dim: the values then stand in the table."""
        return all(v.is_static for v in self.values)

    @property
    def values_bytes(self) -> int:
        """Bytes at the head of the arena that the values take (0 when static)."""
        return 0 if self.is_static else (8 * len(self.values) + 63) // 64 * 64

    def encode(self) -> bytes:
        """The table's words. Raises AxecError `artifact-corrupt` for a table that breaks a rule."""
        _validate(self)
        if self.is_static:
            n_code, values = 0, [v.evaluate(()) for v in self.values]
        else:
            code = [step for i, v in enumerate(self.values) for step in (*v.code, (Op.STORE, i))]
            n_code, values = len(code), [int(word) for step in code for word in step]
        launches = [word for launch in self.launches for word in _launch_words(launch)]
        values_at = HEADER_WORDS
        launches_at = values_at + len(values)
        header = [MAGIC, launches_at + len(launches), self.n_dims, self.n_bases, self.n_kernels]
        header += [len(self.values), n_code, values_at, launches_at, len(self.launches)]
        header += [max((launch.slots for launch in self.launches), default=0), 0]
        words = header + values + launches
        _need(all(-(1 << 63) <= word < 1 << 63 for word in words), "number over 64 bits")
        return struct.pack(f"<{len(words)}q", *words)

    @staticmethod
    def decode(data: bytes | memoryview) -> ProgramTable:
        """Read and check a table; AxecError `artifact-corrupt` unless `encode` gives it back."""
        size = len(data)
        _need(size % 8 == 0 and size >= 8 * HEADER_WORDS, "length")
        words = struct.unpack(f"<{size // 8}q", data)
        magic, length, n_dims, n_bases, n_kernels, n_values, n_code, values_at, launches_at = words[
            :9
        ]
        _need(magic == MAGIC and length == len(words), "header")
        _need(values_at == HEADER_WORDS <= launches_at <= length, "sections")
        values = _read_values(words[values_at:launches_at], n_values, n_code)
        launches = tuple(_read_launches(words[launches_at:], words[9]))
        table = ProgramTable(n_dims, n_bases, n_kernels, values, launches)
        # `encode` validates; comparing its bytes leaves no second spelling of any table.
        _need(table.encode() == bytes(data), "not canonical")
        return table


def evaluate(size: int | str, dims: Mapping[str, int]) -> int:
    """The number that a manifest size (an int or a dim expression) stands for."""
    if isinstance(size, int):
        return size
    return Value.parse(size, tuple(dims)).evaluate(tuple(dims.values()))


def _need(condition: bool, what: str) -> None:
    if not condition:
        raise AxecError("artifact-corrupt", f"the program table is invalid ({what})")


def _launch_words(launch: Launch) -> Iterator[int]:
    yield from (launch.kernel, len(launch.args), len(launch.dims), launch.units, launch.grain)
    for pair in launch.args:
        yield from pair
    yield from launch.dims


def _read_values(words: tuple[int, ...], n_values: int, n_code: int) -> tuple[Value, ...]:
    if n_code == 0:
        _need(n_values == len(words), "values")
        return tuple(Value.const(number) for number in words)
    _need(2 * n_code == len(words), "code")
    values: list[Value] = []
    code: list[tuple[Op, int]] = []
    for number, operand in zip(words[::2], words[1::2], strict=True):
        _need(1 <= number <= Op.STORE, "opcode")
        op = Op(number)
        if op is Op.STORE:
            values.append(Value(tuple(code)))
            code.clear()
        else:
            code.append((op, operand))
    return tuple(values)


def _read_launches(words: tuple[int, ...], n_launches: int) -> Iterator[Launch]:
    at = 0
    for _ in range(n_launches):
        _need(at + LAUNCH_WORDS <= len(words), "launch")
        kernel, n_args, n_dims, units, grain = words[at : at + LAUNCH_WORDS]
        args_at = at + LAUNCH_WORDS
        dims_at = args_at + 2 * n_args
        at = dims_at + n_dims
        _need(0 <= n_args <= MAX_SLOTS and 0 <= n_dims <= MAX_SLOTS and at <= len(words), "launch")
        pairs = zip(words[args_at:dims_at:2], words[args_at + 1 : dims_at : 2], strict=True)
        yield Launch(kernel, tuple(pairs), words[dims_at:at], units, grain)


def _validate(table: ProgramTable) -> None:
    _need(table.n_dims >= 0 and table.n_bases >= 2 and table.n_kernels >= 0, "counts")
    for value in table.values:
        depth = 0
        for op, operand in value.code:
            _need(op is not Op.STORE and depth + min(_EFFECT[op], 0) >= (op > Op.DIM), "stack")
            depth += _EFFECT[op]
            _need(depth <= MAX_STACK, "stack")
            _need(_operand_ok(op, operand, table.n_dims), "operand")
        _need(depth == 1, "stack")
    values = range(len(table.values))
    for launch in table.launches:
        _need(0 <= launch.kernel < table.n_kernels, "kernel index")
        _need(all(0 <= base < table.n_bases for base, _ in launch.args), "base index")
        used = (launch.units, *launch.dims, *(offset for _, offset in launch.args))
        _need(all(index in values for index in used), "value index")
        _need(1 <= launch.grain < 1 << 63 and launch.slots <= MAX_SLOTS, "grain or slots")


def _operand_ok(op: Op, operand: int, n_dims: int) -> bool:
    if op is Op.CONST:
        return -(1 << 63) <= operand < 1 << 63
    if op is Op.DIM:
        return 0 <= operand < n_dims
    return operand >= 1 if op is Op.FLOORDIV else operand == 0


_TOKEN = re.compile(r"\s*(?:(\d{1,19})(?![\w])|([A-Za-z_]\w*)|([-+*(),]))")
_Code = list[tuple[Op, int]]


class _Parser:
    """Recursive descent over the tokens of one expression; every method returns postfix code."""

    def __init__(self, text: str, dims: tuple[str, ...]) -> None:
        self.text = text
        self.dims = dims
        self.tokens: list[str] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None or len(self.tokens) > 4096:
                raise self.error()
            self.tokens.append(match[0].strip())
            at = match.end()
        self.tokens.reverse()

    def error(self) -> ValueError:
        return ValueError(f"not a dim expression: {self.text[:80]!r}")

    def take(self, *wanted: str) -> str:
        if not self.tokens or (wanted and self.tokens[-1] not in wanted):
            raise self.error()
        return self.tokens.pop()

    def at(self, *wanted: str) -> bool:
        return bool(self.tokens) and self.tokens[-1] in wanted

    def expression(self, depth: int = 0) -> _Code:
        if depth > MAX_STACK:
            raise self.error()
        code = self.term(depth, negate=self.at("-") and bool(self.take()))
        while self.at("+", "-"):
            negate = self.take() == "-"
            code += [*self.term(depth, negate), (Op.ADD, 0)]
        return code

    def term(self, depth: int, negate: bool) -> _Code:
        code = self.factor(depth)
        while self.at("*"):
            self.take()
            code += [*self.factor(depth), (Op.MUL, 0)]
        return [*code, (Op.CONST, -1), (Op.MUL, 0)] if negate else code

    def factor(self, depth: int) -> _Code:
        token = self.take()
        if token.isdecimal():
            return [(Op.CONST, int(token))]
        if token in self.dims:
            return [(Op.DIM, self.dims.index(token))]
        if token not in ("(", "floordiv", "max"):
            raise self.error()
        if token != "(":
            self.take("(")
        code = self.expression(depth + 1)
        if token != "(":
            self.take(",")
            right = self.expression(depth + 1)
            code += self.divide(right) if token == "floordiv" else [*right, (Op.MAX, 0)]
        self.take(")")
        return code

    def divide(self, by: _Code) -> _Code:
        if len(by) != 1 or by[0][0] is not Op.CONST or by[0][1] < 1:
            raise self.error()
        return [(Op.FLOORDIV, by[0][1])]


@lru_cache(maxsize=4096)
def _parse(text: str, dims: tuple[str, ...]) -> Value:
    parser = _Parser(text, dims)
    code = parser.expression()
    if parser.tokens:
        raise parser.error()
    return Value(tuple(code))
