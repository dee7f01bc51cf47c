"""Groups of launches: nothing in them depends on the order, and no more memory is in use."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.exec_machine import Machine
from support.random_programs import BOUNDS, Sample, samples

from axec.dialects import load
from axec.passes import base
from axec.passes.kernel.plan import PlanReport, group
from axec.passes.kernel.plan.arena import Item, most_alive
from axec.passes.kernel.plan.flow import Buffer, Call, Group, Place, Step, lifetimes
from axec.passes.kernel.plan.group import Sizes, Work, gain, grouped, makespan

US = 1_000_000
SOME = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module", autouse=True)
def eager() -> Iterator[None]:
    """Every thread is worth waking: programs of tests are small."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(group, "THREAD", 100)
        patch.setattr(group, "JOIN", 0)
        patch.setattr(group, "GAIN", 1)
        yield


@st.composite
def flows(draw: st.DrawFn) -> list[Step]:
    """Calls that read what was written before, and write new buffers or over old ones."""
    buffers = [Buffer(0, home="argument"), Buffer(draw(st.integers(1, 9)))]
    steps: list[Step] = []
    for _ in range(draw(st.integers(1, 25))):
        reads = draw(st.lists(st.sampled_from(buffers), min_size=1, max_size=3, unique=True))
        if draw(st.integers(0, 3)):
            buffers.append(Buffer(draw(st.integers(0, 9))))
        written = draw(st.sampled_from(buffers[-3:]))
        launch: Any = SimpleNamespace(inputs=len(reads))
        steps.append(Call(None, launch, [Place(b) for b in (*reads, written)]))
    return steps


def _sizes(draw: st.DataObject, steps: list[Step]) -> Sizes:
    works = st.builds(Work, st.integers(1, 1000), st.integers(1, 9))
    found = {id(step): draw.draw(works) for step in steps}
    return Sizes(lambda call: found[id(call)], lambda b: int(str(b.nbytes)), members=4)


def _most(steps: list[Step]) -> int:
    lives = {b: life for b, life in lifetimes(steps).items() if b.home == "arena"}
    sizes = [int(str(b.nbytes)) for b in lives]
    return most_alive([Item(b.nbytes, *life) for b, life in lives.items()], sizes)


def _conflict(x: Call, y: Call) -> bool:
    """Does one of them write what the other one reads or writes?"""
    (*reads, write), (*others, other) = ([place.buffer for place in call.places] for call in (x, y))
    return write is other or write in others or other in reads


@settings(deadline=None, max_examples=300, derandomize=True)
@given(flows(), st.data())
def test_calls_keep_their_order_where_it_matters(steps: list[Step], draw: st.DataObject) -> None:
    found = grouped(steps, _sizes(draw, steps))
    moments = [step.calls if isinstance(step, Group) else [step] for step in found]
    at = {id(call): moment for moment, calls in enumerate(moments) for call in calls}
    assert len(at) == len(steps) == sum(map(len, moments))
    assert max(map(len, moments)) <= 4
    for i, first in enumerate(steps):
        for second in steps[i + 1 :]:
            assert isinstance(first, Call)
            assert isinstance(second, Call)
            assert not _conflict(first, second) or at[id(first)] < at[id(second)]
    assert _most(found) <= _most(steps)


def test_equal_updates_become_one_job() -> None:
    """A hundred updates of parameters: groups of as many as may be."""
    buffers = [Buffer(4, home="argument") for _ in range(200)]
    launch: Any = SimpleNamespace(inputs=1)
    steps: list[Step] = [
        Call(None, launch, [Place(b), Place(c)])
        for b, c in zip(buffers[:100], buffers[100:], strict=True)
    ]
    found = grouped(steps, Sizes(lambda _: Work(30, 2), lambda _: 4, members=64))
    assert [len(step.calls) for step in found if isinstance(step, Group)] == [64, 36]


def test_what_fills_the_threads_stays_alone() -> None:
    large = Work(8000 * US, 64)
    assert gain(large, large) < 0
    assert makespan(large, 8) == 1000 * US
    single = Work(1000 * US, 1)
    assert gain(large, single) > 0  # it hides behind the other one
    assert makespan(large.beside(single), 8) == 1125 * US
    assert gain(single, single) == makespan(single, 2) == 1000 * US


@pytest.mark.parametrize("control", [False, True])
@pytest.mark.parametrize("fuse", ["fuse", "fuse{max_ops=1}"])
def test_results_do_not_depend_on_the_order_in_a_group(fuse: str, control: bool) -> None:
    passes = f"decompose,{fuse},outline,schedule"
    seen = 0

    @settings(SOME, max_examples=15 if control else 25)
    @given(samples(10 if control else 24, control=control))
    def run(sample: Sample) -> None:
        nonlocal seen
        wanted = [sample.run(bound) for bound in BOUNDS]
        base.run_pipeline(sample.module, base.parse_pipeline(passes), verify_each=True)
        with load():
            apart = sample.module.operation.clone().opview
        arenas = [
            _plan(module, f"plan{{members={members}}}")
            for module, members in ((apart, 1), (sample.module, 64))
        ]
        assert arenas[1].arena <= arenas[0].arena
        seen += str(sample.module).count('"exec.group"')
        for bound, results in zip(BOUNDS, wanted, strict=True):
            named = {name: bound[name] for name in sample.dims}
            for backwards in (False, True):
                with load():
                    machine = Machine(sample.module, named, backwards=backwards)
                    for a, b in zip(machine.run(sample.arguments(bound)), results, strict=True):
                        assert (a.dtype, a.shape) == (b.dtype, b.shape)
                        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3, equal_nan=True)

    run()
    assert seen


def _plan(module: Any, text: str) -> PlanReport:
    reports: dict[str, list[PlanReport]] = {}
    base.run_pipeline(module, base.parse_pipeline(text), verify_each=True, reports=reports)
    return reports["plan"][0]
