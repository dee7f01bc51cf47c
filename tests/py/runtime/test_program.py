"""Program tables: the words that `encode` makes, and what `decode` takes."""

from __future__ import annotations

import ast
import contextlib
import re
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from axec.dialects import dims
from axec.runtime.errors import CODES, AxecError
from axec.runtime.program import (
    MAX_DEPTH,
    Copy,
    Launch,
    Leave,
    Loop,
    Op,
    ProgramTable,
    Step,
    Switch,
    Value,
    evaluate,
)

NAMES = ("batch", "seq", "w")
CONST = Value(((Op.CONST, 64),))
BATCH = Value(((Op.DIM, 0),))
SUM_OF_LARGE = Value(((Op.CONST, 2**62), (Op.CONST, 2**62), (Op.ADD, 0)))


def table(**changes: Any) -> ProgramTable:
    steps = (
        Launch(1, ((0, 0), (4, 1)), (1,), 1, 16),
        Launch(0, (), (), 0),
    )
    known = {"n_dims": 1, "n_bases": 5, "n_kernels": 2, "values": (CONST, BATCH)}
    return ProgramTable(**{**known, "steps": steps, **changes})


def test_words_of_a_static_table() -> None:
    found = table(n_dims=0, values=(CONST, Value(((Op.CONST, 3), (Op.CONST, -2), (Op.MUL, 0)))))
    words = struct.unpack("<31q", found.encode())
    assert words[:12] == (0x31474F5250455841, 31, 0, 5, 2, 2, 0, 12, 14, 2, 3, 1)
    assert words[12:14] == (64, -6)
    assert words[14:25] == (1, 2, 1, 1, 16, 0, 0, 0, 4, 1, 1)
    assert words[25:] == (0, 0, 0, 0, 1, 0)


def test_words_of_a_dynamic_table() -> None:
    words = struct.unpack("<37q", table().encode())
    assert words[:12] == (0x31474F5250455841, 37, 1, 5, 2, 2, 4, 12, 20, 2, 3, 1)
    assert words[12:20] == (1, 64, 7, 0, 2, 0, 7, 1)
    assert words[20:31] == (1, 2, 1, 1, 16, 0, 0, 0, 4, 1, 1)
    assert words[31:] == (0, 0, 0, 0, 1, 0)


def test_words_of_a_job_of_several_launches() -> None:
    """The header has room for all its slots and launches; the last one is joined to none."""
    first = Launch(1, ((0, 0), (4, 1)), (1,), 1, 16, joined=True)
    words = struct.unpack("<37q", table(steps=(first, Launch(0, (), (), 0))).encode())
    assert words[9:12] == (2, 3, 2)
    assert words[20:31] == (1, 2, 1, 1, 16, 1, 0, 0, 4, 1, 1)
    assert words[31:] == (0, 0, 0, 0, 1, 0)


COUNTER = Value(((Op.VALUE, 2), *CONST.code, (Op.MUL, 0)))  # 64 * counter, in `table()`


def test_words_of_loops_and_branches() -> None:
    leave = Switch((0, 3), 1, ((Leave(),), ()))
    found = table(steps=(Loop(1, (COUNTER,), (Copy((0, 3), (4, 0), 1), leave)),))
    words = struct.unpack("<48q", found.encode())
    assert words[:12] == (0x31474F5250455841, 48, 1, 5, 2, 2, 4, 12, 20, 1, 0, 0)
    assert words[20:25] == (-1, 2, 1, 4, 15)  # counter, limit, instructions, words of the body
    assert words[25:33] == (8, 2, 1, 64, 4, 0, 7, 3)
    assert words[33:39] == (-4, 0, 3, 4, 0, 1)
    assert words[39:] == (-2, 0, 3, 1, 2, 3, 1, -3, 0)
    assert (found.is_static, found.n_slots) == (False, 4)
    assert not table(n_dims=0, values=(CONST, CONST), steps=(Loop(0, (), ()),)).is_static
    assert table(n_dims=0, values=(CONST, CONST), steps=(Switch((0, 0), 4, ((),)),)).is_static


values = st.recursive(
    st.one_of(
        st.integers(-(2**63), 2**63 - 1).map(lambda n: ((Op.CONST, n),)),
        st.integers(0, 1).map(lambda d: ((Op.DIM, d),)),
    ),
    lambda inner: st.one_of(
        st.tuples(inner, inner, st.sampled_from([Op.ADD, Op.MUL, Op.MAX])).map(
            lambda t: (*t[0], *t[1], (t[2], 0))
        ),
        st.tuples(inner, st.integers(1, 2**62)).map(lambda t: (*t[0], (Op.FLOORDIV, t[1]))),
    ),
    max_leaves=6,
).map(Value)
places = st.tuples(st.integers(0, 4), st.just(0))


launches = st.builds(
    Launch,
    st.integers(0, 2),
    st.lists(places, max_size=4).map(tuple),
    st.lists(st.just(0), max_size=2).map(tuple),
    st.just(0),
    st.integers(1, 2**40),
    st.just(False),
)


def sequences(steps: st.SearchStrategy[Step], most: int = 4) -> Any:
    """Steps in order; launches among them that follow each other may be one job."""

    def joined(found: list[Step], flags: list[bool]) -> tuple[Step, ...]:
        behind = [*found[1:], None]
        return tuple(
            step._replace(joined=flag)
            if isinstance(step, Launch) and isinstance(after, Launch)
            else step
            for step, after, flag in zip(found, behind, flags, strict=False)
        )

    flags = st.lists(st.booleans(), min_size=most, max_size=most)
    return st.builds(joined, st.lists(steps, max_size=most), flags)


steps = st.recursive(
    st.one_of(
        launches,
        st.builds(Copy, places, places, st.just(0)),
    ),
    lambda inner: st.one_of(
        st.builds(
            lambda values, body, leave: Loop(0, tuple(values), body + (Leave(),) * leave),
            st.lists(values, max_size=2),
            sequences(inner, 3),
            st.booleans(),
        ),
        st.builds(
            Switch,
            places,
            st.sampled_from([1, 4, 8]),
            st.lists(sequences(inner, 2), min_size=1, max_size=3).map(tuple),
        ),
    ),
    max_leaves=5,
)
tables = st.builds(
    lambda values, steps: ProgramTable(2, 5, 3, (BATCH, *values), steps),
    st.lists(values, max_size=3),
    sequences(steps),
)


@given(tables)
@settings(max_examples=150, deadline=None)
def test_decode_gives_back_what_encode_took(found: ProgramTable) -> None:
    assert ProgramTable.decode(found.encode()) == found


@given(tables, st.data())
@settings(max_examples=300, deadline=None)
def test_changed_words_are_refused_or_mean_themselves(found: ProgramTable, data: Any) -> None:
    words = bytearray(found.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = 8 * data.draw(st.integers(0, len(words) // 8 - 1))
        number = data.draw(st.one_of(st.integers(-2, 9), st.integers(-(2**63), 2**63 - 1)))
        words[at : at + 8] = struct.pack("<q", number)
    with contextlib.suppress(AxecError):
        assert ProgramTable.decode(bytes(words)).encode() == bytes(words)


def test_cut_tables_are_refused() -> None:
    words = table().encode()
    for size in range(len(words)):
        with pytest.raises(AxecError, match="artifact-corrupt"):
            ProgramTable.decode(words[:size])
    with pytest.raises(AxecError, match="artifact-corrupt"):
        ProgramTable.decode(words + bytes(8))


def nested(depth: int) -> Loop:
    found = Loop(0, (), ())
    for _ in range(depth - 1):
        found = Loop(0, (), (found,))
    return found


def test_depth() -> None:
    deepest = table(steps=(nested(MAX_DEPTH),))
    assert ProgramTable.decode(deepest.encode()) == deepest
    # Words that nest for ever: refused, whatever the depth that Python allows.
    words = [word for _ in range(5000) for word in (-1, 2, 0, 0, 5)]
    head = table(steps=()).encode()
    with pytest.raises(AxecError, match="artifact-corrupt"):
        ProgramTable.decode(head + struct.pack(f"<{len(words)}q", *words))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_dims": -1}, "counts"),
        ({"n_bases": 1}, "counts"),
        ({"n_dims": 0}, "operand"),
        ({"values": (CONST, Value(()))}, "stack"),
        ({"values": (CONST, Value(((Op.ADD, 0),)))}, "stack"),
        ({"values": (CONST, Value(CONST.code * 2))}, "stack"),
        ({"values": (CONST, Value(CONST.code * 40 + ((Op.ADD, 0),) * 39))}, "stack"),
        ({"values": (CONST, Value(((Op.STORE, 0),)))}, "operand"),
        ({"values": (CONST, Value((*CONST.code, (Op.FLOORDIV, 0))))}, "operand"),
        ({"values": (CONST, Value((*CONST.code, *CONST.code, (Op.ADD, 1))))}, "operand"),
        ({"values": (CONST, Value(((Op.CONST, 2**63),)))}, "operand"),
        (
            {"n_dims": 0, "values": (CONST, Value((*2 * ((Op.CONST, 2**62),), (Op.ADD, 0))))},
            "large",
        ),
        ({"steps": (Launch(2, (), (), 0),)}, "kernel index"),
        ({"steps": (Launch(-1, (), (), 0),)}, "kernel index"),
        ({"steps": (Launch(0, ((5, 0),), (), 0),)}, "base index"),
        ({"steps": (Launch(0, ((0, 2),), (), 0),)}, "value index"),
        ({"steps": (Launch(0, (), (2,), 0),)}, "value index"),
        ({"steps": (Launch(0, (), (), -1),)}, "value index"),
        ({"steps": (Launch(0, (), (), 0, 0),)}, "grain"),
        ({"steps": (Launch(0, ((0, 0),) * 4097, (), 0),)}, "large"),
        ({"steps": (Launch(0, (), (), 0, 1, joined=True),)}, "joined"),
        ({"steps": (Launch(0, (), (), 0, 1, joined=True), Loop(0, (), ()))}, "joined"),
        (
            {
                "steps": (Launch(0, ((0, 0),) * 4000, (), 0, 1, joined=True),) * 2
                + (Launch(0, (), (), 0),)
            },
            "large",
        ),
        ({"steps": (Leave(),)}, "leave"),
        ({"steps": (Switch((0, 0), 4, ((Leave(),),)),)}, "leave"),
        ({"steps": (Switch((0, 0), 4, ()),)}, "switch"),
        ({"steps": (Switch((0, 0), 2, ((),)),)}, "switch"),
        ({"steps": (Switch((5, 0), 4, ((),)),)}, "base index"),
        ({"steps": (Switch((0, 2), 4, ((),)),)}, "value index"),
        ({"steps": (Copy((0, 0), (5, 0), 0),)}, "base index"),
        ({"steps": (Copy((0, 0), (0, 0), 2),)}, "value index"),
        ({"steps": (Loop(2, (), ()),)}, "value index"),
        ({"steps": (Loop(0, (), (Copy((0, 3), (0, 0), 0),)),)}, "value index"),
        ({"steps": (Loop(0, (Value(((Op.VALUE, 3),)),), ()),)}, "operand"),
        ({"steps": (Loop(0, (Value(()),), ()),)}, "stack"),
        # The values of a loop are unknown after it.
        ({"steps": (Loop(0, (COUNTER,), ()), Copy((0, 2), (0, 0), 0))}, "value index"),
        ({"steps": (nested(MAX_DEPTH + 1),)}, "depth"),
    ],
)
def test_encode_refuses(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(AxecError, match=words) as found:
        table(**changes).encode()
    assert found.value.code == "artifact-corrupt"


polynomials = st.recursive(
    st.one_of(st.integers(-50, 50), st.sampled_from(NAMES).map(dims.dim)),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda t: t[0] + t[1]),
        st.tuples(inner, inner).map(lambda t: t[0] - t[1]),
        st.tuples(inner, inner).map(lambda t: t[0] * t[1]),
        st.tuples(inner, st.integers(1, 9)).map(lambda t: t[0] // t[1]),
    ),
    max_leaves=8,
)


@given(polynomials, st.tuples(*[st.integers(0, 1000)] * 3))
@settings(max_examples=300, deadline=None)
def test_dim_expressions_mean_what_the_compiler_means(size: Any, numbers: tuple[int, ...]) -> None:
    at = dict(zip(NAMES, numbers, strict=True))
    expected = dims.evaluate(size, at)
    assert evaluate(str(size), at) == expected
    assert Value.parse(str(size), NAMES).evaluate(numbers) == expected


def test_max_of_expressions() -> None:
    assert evaluate("max(2*batch, max(seq, 7)) - 1", {"batch": 3, "seq": 4}) == 6
    assert evaluate(12, {}) == 12


@pytest.mark.parametrize(
    "text",
    [
        "", "other", "batch +", "batch**2", "batch/2", "batch // 2", "1.5", "True", "'1'", "(1,)*9",
        "batch(3)", "max(1)", "max(1, 2, 3)", "max(1, 2, key=3)", "floordiv(batch, 0)",
        "floordiv(batch, seq)", "floordiv(batch, -2)", "floordiv(batch, True)", "batch if 1 else 2",
        "[1][0]", "batch.real", "lambda: 1", "batch\n+1", "x := 1", "__import__('os')", "\0",
        "(" * 300 + "1" + ")" * 300, "-" * 3000 + "1", "1+" * 2040 + "1", "1" * 4500, "batch" * 900,
    ],
)  # fmt: skip
def test_what_is_no_dim_expression(text: str) -> None:
    with pytest.raises(ValueError, match="not a dim expression"):
        Value.parse(text, NAMES).evaluate((1, 2, 3))


def test_every_code_is_known_and_used() -> None:
    folder = Path(__file__).resolve().parents[3] / "runtime"
    used: set[str] = set()
    for source in folder.glob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "AxecError":
                assert isinstance(node.args[0], ast.Constant), f"{source}:{node.lineno}"
                used.add(node.args[0].value)
    assert used == set(CODES)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)+", code) for code in CODES)
