"""Regression on a table: the diabetes data that scikit-learn carries.

python samples/diabetes.py

442 patients, ten measurements each; to predict is how far the disease has gone a year later. A
small network beside ridge regression: on so few patients neither beats the other.
"""

import numpy as np

from axec import nn, optim, train

HELD_OUT, BATCH, EPOCHS = 110, 32, 120

MODEL = nn.Sequential(nn.Linear(10, 32), nn.Tanh(), nn.Dropout(0.2), nn.Linear(32, 1))
TASK = train.Supervised(
    MODEL,
    nn.huber_loss,
    optim.adamw(optim.schedules.cosine(1e-2, 10 * EPOCHS), weight_decay=0.1),
)


def data():
    """((x, y) to learn from, (x, y) held out): columns of mean 0 and deviation 1."""
    from sklearn.datasets import load_diabetes

    x, y = load_diabetes(return_X_y=True)
    mixed = np.random.default_rng(0).permutation(len(x))
    x, y = x[mixed].astype(np.float32), y[mixed, None].astype(np.float32)
    x, y = ((a - a[:-HELD_OUT].mean(0)) / a[:-HELD_OUT].std(0) for a in (x, y))
    return (x[:-HELD_OUT], y[:-HELD_OUT]), (x[-HELD_OUT:], y[-HELD_OUT:])


def explained(found, y):
    """R squared: the part of the variance that a prediction explains."""
    return 1 - ((found - y) ** 2).sum() / ((y - y.mean()) ** 2).sum()


def ridge(seen, x, weight=10.0):
    """What ridge regression predicts."""
    a, b = seen
    return x @ np.linalg.solve(a.T @ a + weight * np.eye(a.shape[1]), a.T @ b)


def trained(epochs=EPOCHS):
    """R squared on the held-out patients: of the network, of ridge regression."""
    seen, (x, y) = data()
    program = TASK.compile(*seen, BATCH).load()
    run = TASK.fit(seen, batch=BATCH, epochs=epochs, program=program)
    parts = run.state["params"], run.state["state"]
    found = [program["predict"](*parts, x[i : i + BATCH]) for i in range(0, len(x), BATCH)]
    return explained(np.concatenate(found), y), explained(ridge(seen, x), y)


def main():
    network, linear = trained()
    print(
        f"explained variance on {HELD_OUT} patients: {network:.3f}, ridge regression {linear:.3f}"
    )


if __name__ == "__main__":
    main()
