"""XOR: what no linear model learns.

python samples/xor.py
"""

import numpy as np

from axec import nn, optim, train

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
Y = np.array([[0], [1], [1], [0]], np.float32)

MODEL = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
TASK = train.Supervised(MODEL, nn.binary_cross_entropy_with_logits, optim.adam(3e-2))


def trained(epochs=300):
    """The run, and the program it ran."""
    program = TASK.compile(X, Y, batch=4).load()
    return TASK.fit((X, Y), batch=4, epochs=epochs, program=program), program


def main():
    run, program = trained()
    answers = program["predict"](run.state["params"], run.state["state"], X) > 0
    print(f"{run.step} steps: loss {run.metrics['loss']:.4f}")
    for x, answer in zip(X.astype(int), answers, strict=True):
        print(f"{x[0]} xor {x[1]} = {int(answer[0])}")


if __name__ == "__main__":
    main()
