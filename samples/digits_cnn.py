"""Handwritten digits again: a small convolutional network.

    axec compile samples/digits_cnn.py:classify -o cnn.axe

Its filters are random and stay so (an "extreme learning machine"): scikit-learn fits the last layer
alone, in two seconds, which is enough for 95% of the images that it has not seen.
"""

import hashlib
import itertools
import os
from pathlib import Path

import numpy as np

import axec as axe

BUILD = Path(__file__).resolve().parent.parent / "build"
CHANNELS = (1, 16, 48)  # of the image, after the first layer, after the second
HELD_OUT = 360  # the last images of the data set are not trained on


def features(x, filters):
    """x: [batch, 1, 8, 8] -> [batch, 48 channels x 2 x 2]"""
    for w in filters:
        x = axe.nn.relu(axe.nn.conv(x, w, padding="same"))
        x = axe.nn.max_pool(x, 2)
    return axe.reshape(x, (x.shape[0], CHANNELS[-1] * 2 * 2))


def trained():
    """{"filters": two arrays [out, in, 3, 3], "w": [192, 10], "b": [10]}, float32."""
    data = np.load(dataset())
    return {"filters": [data["filter0"], data["filter1"]], "w": data["w"], "b": data["b"]}


@axe.entry(image=axe.spec((axe.dim("batch", 1, 256), 1, 8, 8), axe.float32), params=trained)
def classify(image, params):
    """image: [batch, 1, 8, 8] with ink from 0 to 1 -> probability of each digit [batch, 10]"""
    scores = features(image, params["filters"]) @ params["w"] + params["b"]
    return axe.nn.softmax(scores, axis=-1)


def dataset():
    """Path of an .npz with weights, images, labels and scikit-learn's answers; made once.

    Its name holds the hash of this file, so that an edit trains again.
    """
    source = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    path = BUILD / f"digits-cnn-{source[:12]}.npz"
    if not path.exists():
        BUILD.mkdir(exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}.npz")
        np.savez(unfinished, **train())
        unfinished.replace(path)
    return path


def train():
    """Random filters with He's variance (2 / fan-in), and a logistic regression behind them."""
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    filters = [
        rng.standard_normal((n, m, 3, 3), dtype=np.float32) * np.float32((2 / (9 * m)) ** 0.5)
        for m, n in itertools.pairwise(CHANNELS)
    ]
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    seen = np.asarray(features(images, filters))  # outside a trace the same code runs at once
    model = LogisticRegression(C=10, max_iter=300)
    model.fit(seen[:-HELD_OUT], labels[:-HELD_OUT])
    return {
        **{f"filter{i}": w for i, w in enumerate(filters)},
        "w": model.coef_.T.astype(np.float32),
        "b": model.intercept_.astype(np.float32),
        "images": images,
        "labels": labels,
        "answers": model.predict(seen),
    }
