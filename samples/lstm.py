"""An LSTM that has to remember: the sum of two marked numbers in a sequence.

python samples/lstm.py

Each step has a number from 0 to 1 and a mark; two steps are marked. To predict the mean, 1, costs a
squared error of 1/6. Source: Hochreiter and Schmidhuber, Neural Computation 9 (1997), task 4.
"""

import numpy as np

from axec import nn, optim, train

LENGTH, HIDDEN, BATCH, EXAMPLES, EPOCHS = 20, 32, 64, 3200, 16


class Adder(nn.Module):
    """x [N, T, 2] -> what the state after the last step says [N, 1]"""

    def __init__(self):
        self.lstm, self.out = nn.LSTM(2, HIDDEN), nn.Linear(HIDDEN, 1)

    def forward(self, x):
        y, _ = self.lstm(x)
        return self.out(y[:, -1])


RATE = optim.schedules.one_cycle(2e-2, EPOCHS * (EXAMPLES // BATCH))
TASK = train.Supervised(
    Adder(), nn.mse_loss, optim.chain(optim.clip_by_global_norm(1.0), optim.adam(RATE))
)


def examples(count, seed):
    """x [count, T, 2], y [count, 1]: one mark in each half."""
    rng = np.random.default_rng(seed)
    x = np.zeros((count, LENGTH, 2), np.float32)
    x[:, :, 0] = rng.random((count, LENGTH))
    marks = rng.integers(0, LENGTH // 2, (count, 2))
    marks[:, 1] += LENGTH // 2
    np.put_along_axis(x[:, :, 1], marks, 1, axis=1)
    return x, (x[:, :, 0] * x[:, :, 1]).sum(1, keepdims=True)


def trained(epochs=EPOCHS, callbacks=()):
    """The run; its metrics hold `val_loss`, the squared error on sequences that it has not seen."""
    data, test = examples(EXAMPLES, 0), examples(640, 1)
    return TASK.fit(data, test, batch=BATCH, epochs=epochs, callbacks=callbacks)


def main():
    run = trained(callbacks=[train.Progress(every=4)])
    print(f"squared error {run.metrics['val_loss']:.5f} after {run.step} steps; a guess: 0.16667")


if __name__ == "__main__":
    main()
