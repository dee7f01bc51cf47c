"""The loop: what it computes, what it says when something is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.training import BATCH, examples, start, step

import axec as axe
from axec import train
from axec.diag import render

Callback = train.Callback


@pytest.fixture(scope="module")
def program() -> Any:
    return axe.compile(step).load()


def data(**options: Any) -> train.Arrays:
    return train.Arrays(*examples(), batch=BATCH, **options)


def equal(a: Any, b: Any) -> None:
    for (path, x), (_, y) in zip(train.state.leaves(a), train.state.leaves(b), strict=True):
        np.testing.assert_array_equal(x, y, err_msg=path)


def test_fit_is_the_plain_loop(program: Any) -> None:
    state, first = start(), start()
    losses = []
    for epoch in range(3):
        for x, y in data().batches(epoch):
            loss, state = program(state, x, y)
            losses.append(float(loss))
    for prefetch in (0, 2):
        run = train.fit(program, first, data(), 3, prefetch=prefetch)
        equal(run.state, state)
        assert run.metrics["loss"] == pytest.approx(np.mean(losses[-len(data()) :]))
        assert (run.epoch, run.batch, run.step) == (3, 0, len(losses))
    equal(first, start())  # the caller's arrays are as they were


def test_steps_of_every_kind(program: Any) -> None:
    """An artifact, its entry, an @axe.entry, and a Python function take the same steps."""
    wanted = train.fit(program["step"], start(), data(), 1).state
    for other in (program, step, lambda s, x, y: program(s, x, y)):
        equal(train.fit(other, start(), data(), 1).state, wanted)


def test_a_step_that_donates_its_state(program: Any) -> None:
    """The same numbers, and the state before a wrong step is there to look at."""
    entry = axe.entry(**step.bindings, donate=("state",))(step.fn)
    first = start()
    equal(train.fit(entry, first, data(), 2).state, train.fit(program, first, data(), 2).state)
    equal(first, start())
    x, y = examples()
    for place in (0, 20):
        wrong = y.copy()
        wrong[place] = 3
        rows = train.Arrays(x, wrong, batch=BATCH, shuffle=False)
        assert failing(entry, first, rows, 1).code == "label-range"


def test_metrics_and_evaluation() -> None:
    def of(state: Any, x: Any) -> Any:
        return {"loss": x.sum(), "twice": {"it": 2 * x.sum()}}, state

    run = train.fit(
        of, {}, [np.ones(3), np.ones(1)], 1,
        [train.Evaluate(lambda s, x: x.mean(), [np.zeros(3), np.ones(1)])],
    )  # fmt: skip
    assert run.metrics == {"loss": 2, "twice.it": 4, "val_loss": 0.25}


def test_early_stopping() -> None:
    losses = [3.0, 2.0, 2.5, 2.1, 2.2, 1.0]
    seen: list[int] = []

    class Seen(Callback):
        def epoch(self, run: train.Run) -> None:
            seen.append(run.epoch)

    run = train.fit(
        lambda state, x: (losses[int(x[0])], state), {}, lambda epoch: [np.full(1, epoch)], 6,
        [Seen(), train.EarlyStopping("loss", patience=3)],
    )  # fmt: skip
    assert seen == [1, 2, 3, 4, 5]
    assert run.stopped is not None
    assert "has not improved on 2 for 3 epochs" in run.stopped
    with pytest.raises(axe.AxecError, match="there is no metric `val_loss`"):
        train.fit(lambda s, x: (1.0, s), {}, [np.ones(1)], 1, [train.EarlyStopping()])


def failing(*args: Any, **options: Any) -> axe.AxecError:
    with pytest.raises(axe.AxecError) as caught:
        train.fit(*args, **options)
    return caught.value


@pytest.mark.parametrize(("label", "says"), [(3, "label 3, of 3 classes"), (-1, "label -1")])
def test_a_wrong_label(program: Any, label: int, says: str) -> None:
    x, y = examples()
    y[20] = label
    wrong = train.Arrays(x, y, batch=BATCH, shuffle=False)
    error = failing(program, start(), wrong, 1, source=step)
    assert error.code == "label-range"
    assert error.message == f"the loss of step 3 is nan: `y` holds the {says}"
    assert "return nn.cross_entropy(" in render(error)


@axe.entry(w=axe.spec((3,)), x=axe.spec((2, 3)))
def explodes(w: Any, x: Any) -> Any:
    def loss(w: Any) -> Any:
        masked = axe.where(x > 50, float("-inf"), 0.0).max()  # infinite on purpose
        large = axe.exp(x * w)
        return axe.mean((large - 2 * large) / 4) + masked

    value, slope = axe.value_and_grad(loss)(w)
    return value, w - 1e-3 * slope


def test_the_first_op_that_made_a_nan() -> None:
    x = np.ones((6, 3), np.float32)
    x[4, 1] = 100
    rows = train.Arrays(x, batch=2, shuffle=False)
    error = failing(explodes, np.ones(3, np.float32), rows, 1)
    assert error.code == "loss-not-finite"
    assert "the loss of step 3 is nan: the first NaN comes from `sub`" in error.message
    shown = render(error)
    assert "large - 2 * large" in shown
    lines = Path(__file__).read_text().split("\n")
    line = 1 + next(i for i, text in enumerate(lines) if "large = axe" in text)
    assert f"infinite number comes from line {line}" in shown
    unknown = failing(axe.compile(explodes).load(), np.ones(3, np.float32), rows, 1)
    assert "source=" in str(unknown.hint)
    x[4, 1] = np.nan
    held = failing(explodes, np.ones(3, np.float32), rows, 1)
    assert "`x` holds NaN before the step" in held.message


def test_an_infinite_loss_may_be_allowed() -> None:
    run = train.fit(lambda s, x: (np.inf, s), {}, [np.ones(1)], 1, finite=False)
    assert run.metrics["loss"] == np.inf


@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        (lambda s, x: x, "step-result", "gives (loss, next state)"),
        (lambda s, x: (np.ones(2), s), "step-result", "`loss` has shape (2,)"),
        (3, "step-result", "3 is no step"),
    ],
)
def test_what_is_no_step(given: Any, code: str, says: str) -> None:
    error = failing(given, {}, [np.ones(1)], 1)
    assert error.code == code
    assert says in error.message


def test_data_that_end_early() -> None:
    error = failing(lambda s, x: (0.0, s), {}, iter([np.ones(1)]), 2)
    assert error.code == "data-empty"
    assert "epoch 2 has no batch" in error.message
