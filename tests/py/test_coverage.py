"""`axec coverage` on a few ops: what it finds, what it prints, and that it sees what is wrong."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from support.command import Axec

from axec import coverage
from axec.dialects import dtypes
from axec.dialects.axe import OPS
from axec.dialects.axe import elementwise as ew
from axec.passes.axe.grad import reverse
from axec.passes.axe.grad.control_reverse import NO_REVERSE
from axec.passes.axe.grad.rules import JVP, NO_GRADIENT, VJP
from axec.passes.axe.vmap.rules import VMAP
from axec.passes.axe.walk import copied
from axec.passes.codegen.cpu import worker
from axec.passes.codegen.cpu.graph import pointwise


@pytest.fixture
def axec(capfd: pytest.CaptureFixture[str]) -> Axec:
    return Axec(capfd)


@pytest.fixture(autouse=True)
def another_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests here change the compiler, which remembers what it made of a kernel."""
    monkeypatch.setattr(worker, "_compiled", {})


def gaps(*names: str) -> set[tuple[str, str]]:
    """(op, check) of the gaps in a run over some ops."""
    return {(c.op, c.check) for c in coverage.run(coverage.select(names)).gaps}


def test_every_cell_is_there() -> None:
    matrix = coverage.run(coverage.select(["sin", "argreduce", "and"]))
    floats = [d.name for d in dtypes.ALL if d.is_float]
    for op, wanted in {"sin": floats, "argreduce": floats, "and": ["i64"]}.items():
        for check in coverage.COLUMNS:
            cells = matrix.of(op, check)
            assert len(cells) == len(wanted), (op, check)
            assert op == "and" or [c.dtype for c in cells] == wanted
    assert not matrix.gaps


def test_reasons_come_from_the_tables() -> None:
    matrix = coverage.run(coverage.select(["argreduce"]))
    for check in coverage.DERIVATIVES:
        for cell in matrix.of("argreduce", check):
            assert (cell.status, cell.detail) == ("reason", NO_GRADIENT[OPS["axe.argreduce"]])


def test_a_reason_that_is_taken_away_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(NO_GRADIENT, OPS["axe.argreduce"])
    assert gaps("argreduce") == {("argreduce", check) for check in coverage.DERIVATIVES}


def test_a_planted_wrong_vjp(monkeypatch: pytest.MonkeyPatch, axec: Axec) -> None:
    right = VJP[ew.sin][0]

    def wrong(e: Any, g: Any, y: Any, x: Any) -> Any:
        return e(ew.mul, right(e, g, y, x), right(e, g, y, x))

    monkeypatch.setitem(VJP, ew.sin, {0: wrong})
    found = axec("coverage", "--op", "sin", status=1)
    assert "gap sin f64 vjp: sin(f64[" in found.out
    assert "gap sin f64 dot: " in found.out
    assert "gap sin f64 jvp" not in found.out


def test_a_planted_wrong_jvp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(JVP, ew.sin, lambda e, ts, y, x: ts[0])
    assert {("sin", "jvp"), ("sin", "dot")} <= gaps("sin") <= {
        ("sin", "jvp"), ("sin", "dot"), ("sin", "second")
    }  # fmt: skip


def test_a_planted_wrong_lowering(monkeypatch: pytest.MonkeyPatch, axec: Axec) -> None:
    monkeypatch.setitem(pointwise.POINTWISE, "sin", pointwise.POINTWISE["cos"])
    found = axec("coverage", "--op", "sin", "--op", "cos", status=1)
    assert "gap sin f32 lowering: sin(f32[" in found.out
    assert "gap cos" not in found.out


def test_a_lowering_that_raises_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise KeyError("no such formula")

    monkeypatch.setitem(pointwise.POINTWISE, "sin", broken)
    assert gaps("sin", "cos") == {("sin", "lowering"), ("sin", "threads")}


def test_a_missing_batching_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(VMAP, ew.sin)
    assert gaps("sin") == {("sin", "vmap")}


def test_other_bits_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    (run,) = coverage.compiled.run_all([(ew.add, dtypes.f32)])
    coverage.compiled.threads(run)
    key = next(k for k in run.results if k[1] == 2)
    run.results[key] = [x + 1 for x in run.results[key]]
    with pytest.raises(coverage.Gap, match="other bits with 2 threads"):
        coverage.compiled.threads(run)


def test_launches_are_shared_between_threads() -> None:
    """The finest grain: without it, no sample is large enough for two threads."""
    from axec.driver import compile_entries

    program = coverage.compiled.Program(ew.add, dtypes.f32)
    fine = compile_entries([program], stop_after="plan", passes=coverage.compiled.PASSES)
    assert fine is None
    text = str(program.traced.module)
    assert "grain = 1" in text


def test_json(axec: Axec) -> None:
    found = axec("coverage", "--op", "add", "--json")
    assert found.err == ""
    matrix = json.loads(found.out)
    assert set(matrix) == {"checks", "ops", "gaps", "cells"}
    assert (matrix["checks"], matrix["ops"], matrix["gaps"]) == ([*coverage.COLUMNS], ["add"], 0)
    assert all(set(c) == set(KEYS) for c in matrix["cells"])
    assert {c["status"] for c in matrix["cells"]} <= {"ok", "reason", "gap"}
    assert len(matrix["cells"]) > len(coverage.COLUMNS)


KEYS: Sequence[str] = ("op", "dtype", "check", "status", "detail", "samples")


def test_the_table(axec: Axec) -> None:
    out = axec("coverage", "--op", "exp", "--op", "argsort").out
    rows = {line.split()[0]: line.split() for line in out.splitlines() if line.strip()}
    count = str(sum(d.is_float for d in dtypes.ALL))
    assert rows["exp"] == ["exp", *["ok", count] * len(coverage.COLUMNS)]
    assert rows["argsort"].count("-") == len(coverage.DERIVATIVES)
    assert NO_GRADIENT[OPS["axe.argsort"]] in out
    assert "2 ops, " in out


def test_unknown_op(axec: Axec) -> None:
    err = axec("coverage", "--op", "sinn", status=2).err
    assert "error[op-unknown]" in err
    assert "sin" in err.partition("hint")[2]


def test_branches_and_loops_are_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    assert gaps("control.scan", "control.while") == set()
    (cell,) = coverage.run(coverage.select(["control.while"])).of("control.while", "vjp")[:1]
    assert (cell.status, cell.detail) == ("reason", NO_REVERSE["control.while"])

    def constant(tape: Any, op: Any, operands: Any) -> Any:  # as if nothing were differentiated
        return copied(op, operands)

    monkeypatch.setitem(reverse.CONTROL, "control.switch", constant)
    found = {check for _, check in gaps("control.switch")}
    assert {"vjp", "dot"} <= found <= {"vjp", "dot", "second"}
