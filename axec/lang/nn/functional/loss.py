"""Losses. `reduction` is "mean", "sum" or "none" (one loss per element or sample), as in torch.

Where torch puts classes on axis 1, `axis` says here which axis they are on, by default the last.
"""

from __future__ import annotations

from collections.abc import Callable

from axec.dialects.axe.rules import show
from axec.lang.arrays import core, reduce, static
from axec.lang.arrays.arrange import moveaxis
from axec.lang.arrays.core import ArrayLike, as_tensor, need_float, promote
from axec.lang.arrays.dispatch import cast
from axec.lang.arrays.elementwise import exp, log, log1p, maximum, where
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import error
from axec.lang.nn.functional.activation import log_softmax
from axec.lang.nn.functional.layers import hits

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "huber_loss",
    "kl_div", "l1_loss", "mse_loss", "nll_loss", "smooth_l1_loss",
]  # fmt: skip

_REDUCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "mean": reduce.mean,
    "sum": reduce.sum,
    "none": lambda x: x,
}
_LOG_FLOOR = -100.0  # torch's: a probability of 0 costs 100, not infinity


def _reduced(values: Tensor, reduction: str) -> Tensor:
    return _REDUCTIONS[_known(reduction)](values)


def _known(reduction: str) -> str:
    if reduction not in _REDUCTIONS:
        raise error(
            "bad-attribute",
            f"reduction must be {', '.join(map(repr, _REDUCTIONS))}, got {reduction!r}",
        )
    return reduction


def _pair(name: str, x: ArrayLike, target: ArrayLike) -> tuple[Tensor, Tensor]:
    """Prediction and target of one shape; a target that would broadcast is most often a bug."""
    a, b = promote(name, x, target)
    need_float(name, a)
    if a.type.shape != b.type.shape:
        raise error(
            "shape-mismatch",
            f"{name}: prediction {show(a.type.shape)} and target {show(b.type.shape)} differ",
            hint="give both one shape, for example with `axe.reshape` or `x[:, None]`",
        )
    return a, b


def mse_loss(x: ArrayLike, target: ArrayLike, /, *, reduction: str = "mean") -> Tensor:
    """(x - target) ** 2."""
    a, b = _pair("mse_loss", x, target)
    d = a - b
    return _reduced(d * d, reduction)


def l1_loss(x: ArrayLike, target: ArrayLike, /, *, reduction: str = "mean") -> Tensor:
    """|x - target|."""
    a, b = _pair("l1_loss", x, target)
    return _reduced(abs(a - b), reduction)


def huber_loss(
    x: ArrayLike, target: ArrayLike, /, *, delta: float = 1.0, reduction: str = "mean"
) -> Tensor:
    """d ** 2 / 2 where d = |x - target| < delta, otherwise delta * (d - delta / 2)."""
    a, b = _pair("huber_loss", x, target)
    width = _positive("delta", delta)
    d = abs(a - b)
    return _reduced(where(d < width, 0.5 * d * d, width * (d - 0.5 * width)), reduction)


def smooth_l1_loss(
    x: ArrayLike, target: ArrayLike, /, *, beta: float = 1.0, reduction: str = "mean"
) -> Tensor:
    """huber_loss(delta=beta) / beta."""
    return huber_loss(x, target, delta=beta, reduction=reduction) / _positive("beta", beta)


def _positive(name: str, value: float) -> float:
    number = static.real(name, value)
    if number <= 0:
        raise error("bad-attribute", f"{name} must be positive, got {value}")
    return number


def binary_cross_entropy(
    x: ArrayLike,
    target: ArrayLike,
    /,
    *,
    weight: ArrayLike | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-(target * log(x) + (1 - target) * log(1 - x)) * weight for probabilities x in [0, 1]; each
    logarithm is at least -100. From scores, `binary_cross_entropy_with_logits` is more precise."""
    p, t = _pair("binary_cross_entropy", x, target)
    losses = -(t * maximum(log(p), _LOG_FLOOR) + (1 - t) * maximum(log1p(-p), _LOG_FLOOR))
    return _reduced(losses if weight is None else losses * as_tensor(weight), reduction)


def binary_cross_entropy_with_logits(
    x: ArrayLike,
    target: ArrayLike,
    /,
    *,
    weight: ArrayLike | None = None,
    pos_weight: ArrayLike | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Binary cross entropy of sigmoid(x), without overflow: (1 - target) * x + w * softplus(-x)
    with w = 1 + (pos_weight - 1) * target."""
    z, t = _pair("binary_cross_entropy_with_logits", x, target)
    positive = log1p(exp(-abs(z))) + maximum(-z, 0)
    if pos_weight is not None:
        positive = positive * (1 + (as_tensor(pos_weight) - 1) * t)
    losses = (1 - t) * z + positive
    return _reduced(losses if weight is None else losses * as_tensor(weight), reduction)


def kl_div(
    x: ArrayLike,
    target: ArrayLike,
    /,
    *,
    log_target: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """target * (log(target) - x) for log-probabilities x; 0 where target is 0. `log_target`: the
    target is given as its logarithm. "batchmean", which is the divergence: the sum over axis 0's
    size."""
    a, t = _pair("kl_div", x, target)
    if static.flag("log_target", log_target):
        terms = exp(t) * (t - a)
    else:
        some = t > 0
        terms = where(some, t * (log(where(some, t, 1.0)) - a), 0.0)
    if reduction == "batchmean":
        return reduce.sum(terms) / core.scalar(a.shape[0], a.dtype)
    return _reduced(terms, reduction)


def cross_entropy(
    x: ArrayLike,
    target: ArrayLike,
    /,
    *,
    weight: ArrayLike | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    axis: int = -1,
    reduction: str = "mean",
) -> Tensor:
    """-sum(q * log_softmax(x)) over the classes on `axis`, for scores x [..., C].

    `target`: integer labels [...] (q = one-hot), or probabilities [..., C]. `weight` [C] scales
    classes; "mean" divides by the weights of the labels, as in torch. Labels equal to
    `ignore_index` count nothing; any other label outside [0, C) makes the loss NaN.
    `label_smoothing` s mixes q with the uniform distribution, (1 - s) q + s / C. Source: arXiv
    1512.00567, section 7.
    """
    t = need_float("cross_entropy", as_tensor(x))
    place = static.axis("cross_entropy", axis, t.ndim)
    logp = log_softmax(moveaxis(t, place, -1), axis=-1)
    labels = as_tensor(target)
    if labels.dtype.is_float:
        _pair("cross_entropy", t, labels)
        return _soft(logp, moveaxis(labels, place, -1), weight, label_smoothing, reduction)
    return _hard("cross_entropy", logp, labels, weight, ignore_index, label_smoothing, reduction)


def nll_loss(
    x: ArrayLike,
    target: ArrayLike,
    /,
    *,
    weight: ArrayLike | None = None,
    ignore_index: int = -100,
    axis: int = -1,
    reduction: str = "mean",
) -> Tensor:
    """-x[..., target] for log-probabilities x [..., C]; the rest as in `cross_entropy`."""
    t = need_float("nll_loss", as_tensor(x))
    logp = moveaxis(t, static.axis("nll_loss", axis, t.ndim), -1)
    return _hard("nll_loss", logp, as_tensor(target), weight, ignore_index, 0.0, reduction)


def _share(label_smoothing: float) -> float:
    share = static.real("label_smoothing", label_smoothing)
    if not 0 <= share <= 1:
        raise error("bad-attribute", f"label_smoothing must be from 0 to 1, got {share}")
    return share


def _soft(
    logp: Tensor, target: Tensor, weight: ArrayLike | None, label_smoothing: float, reduction: str
) -> Tensor:
    """Cross entropy with probabilities; "mean" is over samples."""
    smooth, classes = _share(label_smoothing), logp.shape[-1]
    if smooth:
        target = target * (1 - smooth) + smooth / core.scalar(classes, logp.dtype)
    scaled = logp if weight is None else logp * as_tensor(weight)
    return _reduced(-reduce.sum(target * scaled, axis=-1), reduction)


def _hard(
    name: str,
    logp: Tensor,
    target: Tensor,
    weight: ArrayLike | None,
    ignore_index: int,
    label_smoothing: float,
    reduction: str,
) -> Tensor:
    """Cross entropy with integer labels."""
    smooth, classes = _share(label_smoothing), logp.type.shape[-1]
    if target.type.shape != logp.type.shape[:-1] or not isinstance(classes, int):
        raise error(
            "shape-mismatch",
            f"{name}: labels {show(target.type.shape)} must be as x without its classes, "
            f"{show(logp.type.shape[:-1])}, and the number of classes known",
        )
    hit = hits(name, target, classes)
    counts = target != static.integer("ignore_index", ignore_index)
    scaled = logp if weight is None else logp * as_tensor(weight)
    picked = -reduce.sum(where(hit, scaled, 0.0), axis=-1)
    picked = where((target >= 0) & (target < classes), picked, float("nan"))
    if smooth:
        picked = (1 - smooth) * picked - smooth / classes * reduce.sum(scaled, axis=-1)
    losses = where(counts, picked, 0.0)
    if _known(reduction) != "mean":
        return _reduced(losses, reduction)
    share = cast(counts, logp.dtype)
    if weight is not None:
        share = share * reduce.sum(where(hit, as_tensor(weight), 0.0), axis=-1)
    return reduce.sum(losses) / reduce.sum(share)
