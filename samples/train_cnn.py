"""Handwritten digits, a convolutional network trained from scratch.

python samples/train_cnn.py

In each epoch the images are shifted by up to a pixel, so the network never sees one twice.
"""

import numpy as np

from axec import nn, optim, train

HELD_OUT, BATCH, EPOCHS = 360, 48, 30


def block(n, m):
    return nn.Conv2d(n, m, 3, padding=1, bias=False), nn.BatchNorm2d(m), nn.ReLU()


def network(width=32):
    """Images [N, 1, 8, 8] -> scores [N, 10]"""
    return nn.Sequential(
        *block(1, width),
        *block(width, width),
        nn.MaxPool2d(2),
        *block(width, 2 * width),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(8 * width, 10),
    )


def task(model, epochs):
    steps = (1797 - HELD_OUT) // BATCH * epochs
    rate = optim.schedules.one_cycle(1e-2, steps)
    return train.Supervised(model, nn.cross_entropy, optim.adamw(rate, weight_decay=1e-2))


def data():
    """((images, labels) to learn from, (images, labels) held out): ink from 0 to 1."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    mixed = np.random.default_rng(0).permutation(len(images))
    images = (images[mixed] / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    labels = labels[mixed]
    return (images[:-HELD_OUT], labels[:-HELD_OUT]), (images[-HELD_OUT:], labels[-HELD_OUT:])


class Shifted(train.Arrays):
    """Batches of images that are moved by up to a pixel; where to follows seed, epoch and batch."""

    def batches(self, epoch, start=0):
        for i, (images, labels) in enumerate(super().batches(epoch, start), start):
            right, down = np.random.default_rng([1, epoch, i]).integers(-1, 2, (2, len(images)))
            padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
            rows = np.arange(8) + 1 + down[:, None]
            columns = np.arange(8) + 1 + right[:, None]
            each = np.arange(len(images))[:, None, None]
            yield padded[each, 0, rows[:, :, None], columns[:, None]][:, None], labels


def trained(epochs=EPOCHS, width=32, callbacks=()):
    """The run; its metrics hold `val_accuracy`."""
    seen, held_out = data()
    whole = task(network(width), epochs)
    program = whole.compile(*seen, BATCH).load()
    return train.fit(
        program["step"],
        whole.start(),
        Shifted(*seen, batch=BATCH),
        epochs,
        [whole.evaluation(program, held_out, BATCH), *callbacks],
        source=whole.step,
    )


def main():
    run = trained(callbacks=[train.Progress(every=5)])
    right = run.metrics["val_accuracy"]
    print(f"right on {right:.1%} of {HELD_OUT} images after {run.step} steps")


if __name__ == "__main__":
    main()
