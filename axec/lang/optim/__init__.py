"""Optimisers and learning rate schedules, as pairs of pure functions that chain (optax's words)."""

from __future__ import annotations

from axec.lang.optim import schedules
from axec.lang.optim.base import GradientTransformation, apply_updates, chain
from axec.lang.optim.clipping import (
    accumulate,
    clip,
    clip_by_global_norm,
    clip_by_norm,
    global_norm,
)
from axec.lang.optim.optimisers import (
    adafactor,
    adagrad,
    adam,
    adamw,
    adjustable,
    amsgrad,
    lamb,
    lion,
    rmsprop,
    sgd,
)
from axec.lang.optim.scaling import LossScaling, all_finite, loss_scaling
from axec.lang.optim.selection import freeze, masked, scale_by_path
from axec.lang.optim.transforms import (
    add_decayed_weights,
    scale,
    scale_by_adafactor,
    scale_by_adam,
    scale_by_learning_rate,
    scale_by_lion,
    scale_by_rms,
    scale_by_rss,
    scale_by_schedule,
    scale_by_trust_ratio,
    trace,
)

__all__ = [
    "GradientTransformation", "LossScaling", "accumulate", "adafactor", "adagrad", "adam", "adamw",
    "add_decayed_weights", "adjustable", "all_finite", "amsgrad", "apply_updates", "chain", "clip",
    "clip_by_global_norm", "clip_by_norm", "freeze", "global_norm", "lamb", "lion", "loss_scaling",
    "masked", "rmsprop", "scale", "scale_by_adafactor", "scale_by_adam", "scale_by_learning_rate",
    "scale_by_lion", "scale_by_path", "scale_by_rms", "scale_by_rss", "scale_by_schedule",
    "scale_by_trust_ratio", "schedules", "sgd", "trace",
]  # fmt: skip
