"""Losses: values against formulas in NumPy, gradients against differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import axec as axe

nn = axe.nn
RNG = np.random.default_rng(2)
X, Y = RNG.standard_normal((4, 5)), RNG.standard_normal((4, 5))
P, Q = (RNG.uniform(0.05, 0.95, (4, 5)) for _ in range(2))
LABELS = np.array([3, 0, 4, 3])
CLASSES = RNG.uniform(0.5, 2, 5)


def close(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def log_softmax(x: Any) -> Any:
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def huber(d: Any, delta: float) -> Any:
    return np.where(abs(d) < delta, d * d / 2, delta * (abs(d) - delta / 2))


def entropy(p: Any, t: Any) -> Any:
    return -(t * np.log(p) + (1 - t) * np.log(1 - p))


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


# loss(x, target, reduction), x, target, the unreduced value
LOSSES: dict[str, tuple[Any, Any, Any, Any]] = {
    "mse": (nn.mse_loss, X, Y, (X - Y) ** 2),
    "l1": (nn.l1_loss, X, Y, abs(X - Y)),
    "huber": (nn.huber_loss, X, Y, huber(X - Y, 1)),
    "huber, 0.4": (
        lambda *a, **k: nn.huber_loss(*a, delta=0.4, **k), X, Y, huber(X - Y, 0.4),
    ),
    "smooth l1, 0.4": (
        lambda *a, **k: nn.smooth_l1_loss(*a, beta=0.4, **k), X, Y, huber(X - Y, 0.4) / 0.4,
    ),
    "bce": (nn.binary_cross_entropy, P, Q, entropy(P, Q)),
    "bce with weight": (
        lambda *a, **k: nn.binary_cross_entropy(*a, weight=CLASSES, **k), P, Q,
        entropy(P, Q) * CLASSES,
    ),
    "bce of scores": (
        nn.binary_cross_entropy_with_logits, X, Q, entropy(sigmoid(X), Q),
    ),
    "bce of scores, pos_weight": (
        lambda *a, **k: nn.binary_cross_entropy_with_logits(*a, pos_weight=CLASSES, **k), X, Q,
        -(CLASSES * Q * np.log(sigmoid(X)) + (1 - Q) * np.log(1 - sigmoid(X))),
    ),
    "kl": (nn.kl_div, X, Q, Q * (np.log(Q) - X)),
    "kl of logs": (
        lambda *a, **k: nn.kl_div(*a, log_target=True, **k), X, Y, np.exp(Y) * (Y - X),
    ),
    "cross entropy": (
        nn.cross_entropy, X, LABELS, -log_softmax(X)[range(4), LABELS],
    ),
    "cross entropy, probabilities": (
        nn.cross_entropy, X, Q, -(Q * log_softmax(X)).sum(-1),
    ),
    "cross entropy, smoothed": (
        lambda *a, **k: nn.cross_entropy(*a, label_smoothing=0.2, **k), X, LABELS,
        -0.8 * log_softmax(X)[range(4), LABELS] - 0.2 * log_softmax(X).mean(-1),
    ),
    "cross entropy, smoothed probabilities": (
        lambda *a, **k: nn.cross_entropy(*a, label_smoothing=0.2, **k), X, Q,
        -((0.8 * Q + 0.04) * log_softmax(X)).sum(-1),
    ),
    "nll": (nn.nll_loss, X, LABELS, -X[range(4), LABELS]),
}  # fmt: skip


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name: str) -> None:
    fn, x, target, expected = LOSSES[name]
    close(fn(x, target, reduction="none"), expected)
    close(fn(x, target, reduction="sum"), expected.sum())
    close(fn(x, target), expected.mean())
    axe.testing.check_grads(lambda v: fn(v, target, reduction="none"), [x], order=1)
    axe.testing.check_grads(lambda v: fn(v, target), [x], order=1)


def test_class_weights() -> None:
    picked = -log_softmax(X)[range(4), LABELS] * CLASSES[LABELS]
    close(nn.cross_entropy(X, LABELS, weight=CLASSES), picked.sum() / CLASSES[LABELS].sum())
    close(nn.cross_entropy(X, LABELS, weight=CLASSES, reduction="none"), picked)
    found = nn.cross_entropy(X, LABELS, weight=CLASSES, label_smoothing=0.1)
    smooth = 0.9 * picked - 0.1 * (log_softmax(X) * CLASSES).mean(-1)
    close(found, smooth.sum() / CLASSES[LABELS].sum())


def test_ignored_labels() -> None:
    labels = np.array([3, -100, 4, -100])
    each = -log_softmax(X)[range(4), LABELS]
    close(nn.cross_entropy(X, labels), each[[0, 2]].mean())
    close(nn.cross_entropy(X, labels, reduction="none"), [each[0], 0, each[2], 0])
    close(nn.cross_entropy(X, LABELS, ignore_index=3), each[[1, 2]].mean())
    close(nn.nll_loss(X, labels, reduction="sum"), -X[0, 3] - X[2, 4])
    gradient = axe.grad(lambda v: nn.cross_entropy(v, labels, label_smoothing=0.1))(X)
    assert not np.asarray(gradient)[[1, 3]].any()


def test_labels_outside_the_classes_are_never_silent() -> None:
    for wrong in (5, -1, 100):
        found = nn.cross_entropy(X, np.array([3, wrong, 0, 0]), reduction="none")
        assert np.isnan(found).tolist() == [False, True, False, False]
        assert np.isnan(nn.nll_loss(X, np.array([3, wrong, 0, 0])))


def test_classes_on_another_axis() -> None:
    x, labels = RNG.standard_normal((2, 5, 3)), np.array([[0, 4, 2], [1, 1, 3]])
    found = nn.cross_entropy(x, labels, axis=1, reduction="none")
    close(found, nn.cross_entropy(np.moveaxis(x, 1, -1), labels, reduction="none"))
    q = RNG.uniform(0, 1, (2, 5, 3))
    found = nn.cross_entropy(x, q, axis=1)
    close(found, nn.cross_entropy(np.moveaxis(x, 1, -1), np.moveaxis(q, 1, -1)))


def test_stable_far_out() -> None:
    far = np.array([[1e4, -1e4, 0.0]], np.float32)
    np.testing.assert_array_equal(nn.cross_entropy(far, np.array([0])), 0)
    np.testing.assert_array_equal(nn.cross_entropy(far, np.array([1])), 2e4)
    z, t = np.array([1e4, -1e4], np.float32), np.array([1, 1], np.float32)
    loss = nn.binary_cross_entropy_with_logits(z, t, reduction="none")
    np.testing.assert_array_equal(loss, [0, 1e4])
    certain = nn.binary_cross_entropy(np.array([0, 1], "f"), np.array([1, 0], "f"))
    np.testing.assert_array_equal(certain, 100)
    np.testing.assert_array_equal(nn.kl_div(X, np.zeros((4, 5))), 0)
    gradient = axe.grad(lambda t: nn.kl_div(X, t))(np.zeros((4, 5)))
    np.testing.assert_array_equal(gradient, np.zeros((4, 5)))


def test_kl_batchmean() -> None:
    close(nn.kl_div(X, Q, reduction="batchmean"), (Q * (np.log(Q) - X)).sum() / 4)


def test_named_dims() -> None:
    """One compiled loss serves every batch, with its gradient."""
    batch = axe.dim("batch", 1, 8)

    def both(x: Any, y: Any) -> Any:
        return axe.value_and_grad(nn.cross_entropy)(x, y)

    specs = axe.spec((batch, 5)), axe.spec((batch,), axe.int64)
    program = axe.compile(both, *specs).load()
    for n in (1, 4):
        x, y = X[:n].astype(np.float32), LABELS[:n]
        for a, b in zip(program(x, y), both(x, y), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


BAD = {
    "reduction": lambda: nn.mse_loss(X, Y, reduction="avg"),
    "reduction of labels": lambda: nn.nll_loss(X, LABELS, reduction="batchmean"),
    "shapes that would broadcast": lambda: nn.mse_loss(X, Y[:, :1]),
    "integers": lambda: nn.l1_loss(LABELS, LABELS),
    "labels of another shape": lambda: nn.cross_entropy(X, LABELS[:3]),
    "one-hot labels as integers": lambda: nn.cross_entropy(X, np.ones((4, 5), np.int64)),
    "probabilities of another shape": lambda: nn.cross_entropy(X, Q[:3]),
    "smoothing": lambda: nn.cross_entropy(X, LABELS, label_smoothing=1.5),
    "bool labels": lambda: nn.nll_loss(X, LABELS > 1),
    "delta": lambda: nn.huber_loss(X, Y, delta=0),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_calls(name: str) -> None:
    with pytest.raises(axe.AxecError) as caught:
        BAD[name]()
    assert caught.value.location.file.endswith("test_loss.py")
