"""The checks of machine code: many small programs in few artifacts, one entry per op and dtype.

They are planned with the finest grain, so that two threads share even the smallest launch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from axec.coverage.checks import Gap, need_close
from axec.coverage.points import applications
from axec.dialects import dims, dtypes
from axec.dialects.axe.cases import Case, bind, values
from axec.dialects.dtypes import DType
from axec.dialects.interpret import interpret
from axec.dialects.opdef import OpDef
from axec.driver import PIPELINE, compile_entries
from axec.lang.arrays.dispatch import apply
from axec.lang.spec import Spec
from axec.lang.tracing import Traced, trace
from axec.passes.codegen.cpu import targets

PASSES = [name if name != "plan" else "plan{grain=1}" for name in PIPELINE]
THREADS = (1, 2)

_BATCH = 40  # entries per artifact
_RANGE = (1, 64)  # of every named dim

#: Relative and absolute error of machine code against the interpreter.
LIMITS = {dtypes.f64: 1e-12, dtypes.f32: 3e-5, dtypes.f16: 2e-3, dtypes.bf16: 1.6e-2}


@dataclass
class Program:
    """An entry with all samples of an op in a dtype, its inputs, and what it must give."""

    op: OpDef
    dtype: DType
    cases: list[Case] = field(init=False)
    bound: dict[str, int] = field(init=False)
    inputs: list[Any] = field(init=False)
    traced: Traced = field(init=False)
    wanted: tuple[Any, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.cases = [point.case for point in applications(self.op, self.dtype)]
        types = [t for case in self.cases for t in case.operands]
        self.bound = bind(types)
        self.inputs = [x for case in self.cases for x in values(case.operands, self.bound, self.op)]
        ranges = dict.fromkeys(self.bound, _RANGE)
        specs = [Spec(t, {n: ranges[n] for n in _names(t.shape)}) for t in types]
        self.traced = trace(self._body, specs, name=f"{self.op.name}_{self.dtype.name}")
        with np.errstate(all="ignore"), self.traced.module.context:
            self.wanted = interpret(self.traced.func, self.inputs)

    def _body(self, *operands: Any) -> Any:
        rest = iter(operands)
        return tuple(
            apply(self.op, *(next(rest) for _ in case.operands), **case.attrs)
            for case in self.cases
        )

    def trace(self) -> Traced:
        """As the driver calls it."""
        return self.traced


@dataclass
class Runs:
    """What machine code gave: by target and number of threads, the results of a program; `error`
    where it could not be compiled."""

    program: Program
    results: dict[tuple[str, int], list[Any]] = field(default_factory=dict)
    error: str = ""


def run_all(pairs: Sequence[tuple[OpDef, DType]]) -> Iterator[Runs]:
    """Compile and run the samples of ops, for every target that this machine runs."""
    for start in range(0, len(pairs), _BATCH):
        yield from _attempt([Program(op, dtype) for op, dtype in pairs[start : start + _BATCH]])


def _attempt(programs: Sequence[Program]) -> list[Runs]:
    """Run programs in one artifact; where it cannot be compiled, halves of them."""
    try:
        return _run(programs)
    except Exception as e:  # whatever a wrong lowering raises is a finding
        if len(programs) == 1:
            return [Runs(programs[0], error=f"{type(e).__name__}: {e}")]
        half = len(programs) // 2
        fresh = [Program(p.op, p.dtype) for p in programs]  # the passes have rewritten the others
        return _attempt(fresh[:half]) + _attempt(fresh[half:])


def _run(programs: Sequence[Program]) -> list[Runs]:
    names = [n for n, t in targets.TARGETS.items() if t.runs_here]
    artifact = compile_entries(programs, target=names, passes=PASSES)
    assert artifact is not None
    found = [Runs(program) for program in programs]
    for target in names:
        loaded = artifact.load(target=target)
        for one in found:
            for threads in THREADS:
                entry = loaded[one.program.traced.name]
                results = entry(*one.program.inputs, threads=threads)
                one.results[target, threads] = list(results)
    return found


def lowering(runs: Runs) -> None:
    """Machine code of every target against the interpreter; raises Gap."""
    _need_compiled(runs)
    for (target, _), results in runs.results.items():
        for case, found, wanted in zip(
            _by_result(runs.program.cases), results, runs.program.wanted, strict=True
        ):
            limit = LIMITS.get(dtypes.of(wanted.dtype), 0.0)
            need_close(found, wanted, limit, limit, f"{case} for {target}")


def threads(runs: Runs) -> None:
    """The same bits for every number of threads; raises Gap."""
    _need_compiled(runs)
    for target in {t for t, _ in runs.results}:
        first, *others = (runs.results[target, n] for n in THREADS)
        for other in others:
            for case, a, b in zip(_by_result(runs.program.cases), first, other, strict=True):
                if np.asarray(a).tobytes() != np.asarray(b).tobytes():
                    raise Gap(f"{case} for {target}: other bits with {THREADS[-1]} threads")


def _need_compiled(runs: Runs) -> None:
    if runs.error:
        raise Gap(runs.error)


def _by_result(cases: Sequence[Case]) -> list[Case]:
    return [case for case in cases for _ in case.results]


def _names(shape: Sequence[Any]) -> list[str]:
    return sorted(set().union(*(dims.names(size) for size in shape)))


CHECKS: Mapping[str, Any] = {"lowering": lowering, "threads": threads}
