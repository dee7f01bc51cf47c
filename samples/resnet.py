"""ResNet-18, in the shape for small images, on handwritten digits of 32 x 32.

python samples/resnet.py [WIDTH] [EPOCHS]

Four stages of two blocks as in arXiv 1512.03385, table 1 (column 18-layer), with a 3 x 3
convolution in place of the first 7 x 7 and its pooling, as its section 4.2 has it for images of
this size. The paper's width is 64; 16 trains in minutes.
"""

import sys

import numpy as np

import axec as axe
from axec import nn, optim, train

HELD_OUT, BATCH, WIDTH, EPOCHS = 360, 48, 16, 6


def conv(n, m, size, stride):
    part = nn.Conv2d(n, m, size, stride, padding=size // 2, bias=False)
    return nn.Sequential(part, nn.BatchNorm2d(m))


class Block(nn.Module):
    """relu(x + two convolutions of x); x goes through a 1 x 1 convolution where sizes change."""

    def __init__(self, n, m, stride):
        self.first, self.second = conv(n, m, 3, stride), conv(m, m, 3, 1)
        self.short = nn.Identity() if (n, stride) == (m, 1) else conv(n, m, 1, stride)

    def forward(self, x):
        return nn.relu(self.short(x) + self.second(nn.relu(self.first(x))))


def network(width=WIDTH):
    """Images [N, 1, 32, 32] -> scores [N, 10]"""
    stages = []
    for i in range(4):
        n, m = width << max(i - 1, 0), width << i
        stages += [Block(n, m, 2 if i else 1), Block(m, m, 1)]
    pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8 * width, 10))
    return nn.Sequential(conv(1, width, 3, 1), nn.ReLU(), *stages, pool)


def data():
    """((images, labels) to learn from, (images, labels) held out)."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    mixed = np.random.default_rng(0).permutation(len(images))
    small = (images[mixed] / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    large, labels = np.asarray(axe.resize(small, (32, 32))), labels[mixed]
    return (large[:-HELD_OUT], labels[:-HELD_OUT]), (large[-HELD_OUT:], labels[-HELD_OUT:])


def trained(width=WIDTH, epochs=EPOCHS, count=None, batch=BATCH, callbacks=()):
    """The run on `count` images (all when left out); its metrics hold `val_accuracy`."""
    seen, held_out = ((x[:count], y[:count]) for x, y in data())
    rate = optim.schedules.one_cycle(5e-3, max(len(seen[0]) // batch * epochs, 7))
    task = train.Supervised(network(width), nn.cross_entropy, optim.adamw(rate, weight_decay=1e-2))
    return task.fit(seen, held_out, batch=batch, epochs=epochs, callbacks=callbacks)


def main(width=WIDTH, epochs=EPOCHS):
    run = trained(int(width), int(epochs), callbacks=[train.Progress()])
    right = run.metrics["val_accuracy"]
    print(f"right on {right:.1%} of {HELD_OUT} images after {run.step} steps")


if __name__ == "__main__":
    main(*sys.argv[1:])
