"""Ordering calls: every call once, producers first, never worse than the program's own order."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from support.random_programs import Sample, samples

from axec.passes import base
from axec.passes.kernel.schedule import ScheduleReport, greedy
from axec.passes.kernel.schedule.liveness import Flow, Step, peak


@st.composite
def flows(draw: st.DrawFn) -> tuple[Flow, list[int]]:
    """A random flow, with bytes per buffer."""
    flow = Flow()
    flow.add(0, "argument", 0)
    nbytes = [0]
    for _ in range(draw(st.integers(1, 20))):
        known = list(range(len(flow.buffers)))
        reads = sorted(set(draw(st.lists(st.sampled_from(known), min_size=1, max_size=3))))
        writes = []
        for _ in range(draw(st.integers(1, 2))):
            writes.append(flow.add(0, "arena", 0))
            nbytes.append(draw(st.integers(0, 9)))
        flow.steps.append(Step(None, reads, writes))
    return flow, nbytes


@settings(deadline=None, max_examples=200, derandomize=True)
@given(flows())
def test_order_is_a_valid_one(found: tuple[Flow, list[int]]) -> None:
    flow, nbytes = found
    order = greedy(flow, nbytes)
    assert sorted(order) == list(range(len(flow.steps)))
    made = {0}
    for s in order:
        assert made >= set(flow.steps[s].reads)
        made |= set(flow.steps[s].writes)


@settings(deadline=None, max_examples=200, derandomize=True)
@given(flows())
def test_peak_counts_what_is_in_use(found: tuple[Flow, list[int]]) -> None:
    flow, nbytes = found
    order = list(range(len(flow.steps)))
    most = 0
    for at in order:
        live = 0
        for b, buffer in enumerate(flow.buffers):
            uses = [s for s in order if b in flow.steps[s].reads + flow.steps[s].writes]
            if buffer.home == "arena" and uses and uses[0] <= at <= uses[-1]:
                live += nbytes[b]
        most = max(most, live)
    assert peak(flow, order, nbytes) == most


@settings(deadline=None, max_examples=60, derandomize=True)
@given(samples())
def test_never_worse(sample: Sample) -> None:
    reports: dict[str, list[ScheduleReport]] = {}
    passes = base.parse_pipeline("decompose,fuse{max_ops=2},outline,schedule")
    base.run_pipeline(sample.module, passes, reports=reports)
    assert all(r.after <= r.before for r in reports["schedule"])
