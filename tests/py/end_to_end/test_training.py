"""A training step as one entry: as the interpreter, equal for any threads, and it learns."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import axec as axe

SAMPLES = Path(__file__).resolve().parents[3] / "samples"
RNG = np.random.default_rng(0)
STEPS = 10


@pytest.fixture(scope="module")
def sample() -> ModuleType:
    spec = importlib.util.spec_from_file_location("train_digits", SAMPLES / "train_digits.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def batches(size: int) -> list[tuple[Any, Any]]:
    """Images whose ink tells the digit."""
    found = []
    for _ in range(STEPS):
        y = RNG.integers(0, 10, size)
        x = RNG.random((size, 64), np.float32)
        x[np.arange(size), y] += 2
        found.append((x, y))
    return found


def test_steps_are_those_of_the_interpreter(sample: ModuleType) -> None:
    program = axe.compile(sample.step).load()
    state, expected = sample.start(), sample.start()
    for x, y in batches(sample.BATCH):
        loss, state = program(state, x, y)
        wanted, expected = sample.step(expected, x, y)
        np.testing.assert_allclose(loss, wanted, rtol=1e-5)
    assert axe.spec_like(expected) == axe.spec_like(state)
    paths = axe.tree.paths(state)
    leaves = axe.tree.leaves(state), axe.tree.leaves(expected)
    for path, a, b in zip(paths, *leaves, strict=True):
        # Adam divides tiny gradients by their size: their last digits weigh as much as the first.
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5, err_msg=path)


def test_one_and_two_threads_give_the_same_bits(sample: ModuleType) -> None:
    program, data = axe.compile(sample.step).load(), batches(sample.BATCH)
    ends = []
    for threads in (1, 2):
        state = sample.start()
        for x, y in data:
            loss, state = program(state, x, y, threads=threads)
        ends.append([loss, *axe.tree.leaves(state)])
    for a, b in zip(*ends, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_state_changes_in_place(sample: ModuleType) -> None:
    """With `out=` nothing new is made; where a state is kept, the numbers are the same."""
    program, data = axe.compile(sample.step).load(), batches(sample.BATCH)
    state, fresh = sample.start(), sample.start()
    loss = np.empty((), np.float32)
    for x, y in data:
        program(state, x, y, out=(loss, state))
        wanted, fresh = program(axe.tree.map(np.copy, fresh), x, y)
        assert loss == wanted
    for a, b in zip(axe.tree.leaves(state), axe.tree.leaves(fresh), strict=True):
        np.testing.assert_array_equal(a, b)
