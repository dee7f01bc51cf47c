"""Digits again, trained from a file of settings, samples/digits.toml.

    axec train samples/digits.toml
    axec resume runs/digits        after whatever ended it

docs/training.md says what the settings mean.
"""

from sklearn.datasets import load_digits

from axec import nn

HELD_OUT = 360


def build(width=64):
    """64 pixels -> 10 scores"""
    return nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))


def digits():
    """Images [n, 64] from 0 to 1 and their digits, to learn from and held out."""
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype("float32")
    return {
        "train": (images[:-HELD_OUT], labels[:-HELD_OUT]),
        "test": (images[-HELD_OUT:], labels[-HELD_OUT:]),
    }
