"""Handwritten digits: a 64-128-64-10 network that scikit-learn trained, compiled to one file.

axec compile samples/digits.py:predict -o digits.axe     the compiler's side
python samples/digits_serve.py digits.axe DATA.npz       production's side: numpy, no compiler
python samples/digits.py                                 both, and a check of all 1,797 images
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

import axec as axe

BUILD = Path(__file__).resolve().parent.parent / "build"
HELD_OUT = 360  # the last images of the data set are not trained on


def trained():
    """The weights: {"w0": [64, 128], "b0": [128], "w1", "b1", "w2": [64, 10], "b2"}, float32."""
    data = np.load(dataset())
    return {name: data[name] for name in data.files if name[0] in "wb"}


@axe.entry(x=axe.spec((axe.dim("batch", 1, 4096), 64), axe.float32), params=trained)
def predict(x, params):
    """x: images [batch, 64] with ink from 0 to 1 -> a score per digit [batch, 10]"""
    x = axe.nn.relu(x @ params["w0"] + params["b0"])
    x = axe.nn.relu(x @ params["w1"] + params["b1"])
    return x @ params["w2"] + params["b2"]


def dataset():
    """Path of an .npz with weights, images, labels and scikit-learn's answers; made once.

    Its name holds the hash of this file, so that an edit trains again.
    """
    source = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    path = BUILD / f"digits-{source[:12]}.npz"
    if not path.exists():
        BUILD.mkdir(exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}.npz")
        np.savez(unfinished, **train())
        unfinished.replace(path)
    return path


def train():
    """Train with scikit-learn (about two seconds); the seed makes it repeatable."""
    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPClassifier

    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32)
    model = MLPClassifier(
        (128, 64), batch_size=64, learning_rate_init=3e-3, max_iter=60, random_state=0
    )
    model.fit(images[:-HELD_OUT], labels[:-HELD_OUT])
    weights = {f"w{i}": w.astype(np.float32) for i, w in enumerate(model.coefs_)}
    biases = {f"b{i}": b.astype(np.float32) for i, b in enumerate(model.intercepts_)}
    answers = model.predict(images)
    return {**weights, **biases, "images": images, "labels": labels, "answers": answers}


def main():
    data = np.load(dataset())
    right = (data["answers"] == data["labels"])[-HELD_OUT:].mean()
    print(f"trained   by scikit-learn: right on {right:.1%} of {HELD_OUT} images it has not seen")

    artifact = axe.compile(predict)
    path = BUILD / "digits.axe"
    artifact.save(path)
    targets = ", ".join(target["name"] for target in artifact.manifest["targets"])
    print(
        f"compiled  {path.relative_to(BUILD.parent)}: {path.stat().st_size / 1e3:.1f} kB "
        f"for {targets} in {sum(artifact.timings.values()):.2f} s"
    )
    # A process of its own, which never sees the compiler.
    sys.stdout.flush()
    serve = Path(__file__).with_name("digits_serve.py")
    sys.exit(subprocess.run([sys.executable, serve, path, dataset()]).returncode)


if __name__ == "__main__":
    main()
