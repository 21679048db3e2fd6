"""A character model from scratch: forward, backpropagation through time and training, in numpy alone.

python examples/from_scratch.py                  # learns "hello"
python examples/from_scratch.py poems.txt        # learns a file, writes a sample

h_t = tanh(W_xh x_t + W_hh h_{t-1} + b_h)        x_t one-hot
y_t = W_hy h_t + b_y,  p_t = softmax(y_t),  L = -sum_t log p_t[x_{t+1}]
"""

import sys
from pathlib import Path

import numpy as np

HIDDEN, BLOCK, RATE, STEPS, CLIP = 32, 25, 0.1, 2000, 5.0


def start(letters, hidden, rng):
    """Small random weights by name, as float64; biases of zero."""
    sizes = {"W_xh": (hidden, letters), "W_hh": (hidden, hidden), "W_hy": (letters, hidden)}
    weights = {name: rng.normal(0, 1 / np.sqrt(size[1]), size) for name, size in sizes.items()}
    return weights | {"b_h": np.zeros(hidden), "b_y": np.zeros(letters)}


def forward(weights, inputs, targets, h):
    """Run over a block. inputs, targets: T numbers of letters; h: the state before it.

    Returns the loss, the states h_0 ... h_T and the probabilities p_1 ... p_T.
    """
    states, probabilities, loss = [h], [], 0.0
    for x, target in zip(inputs, targets, strict=True):
        # W_xh times a one-hot x is one column of W_xh
        h = np.tanh(weights["W_xh"][:, x] + weights["W_hh"] @ h + weights["b_h"])
        y = weights["W_hy"] @ h + weights["b_y"]
        p = np.exp(y - y.max())
        p /= p.sum()
        loss -= np.log(p[target])
        states.append(h)
        probabilities.append(p)
    return loss, states, probabilities


def backward(weights, inputs, targets, states, probabilities):
    """Backpropagation through time: the gradient of the loss by every weight.

    dL/dh_t has two summands: what p_t says, and what comes back from h_{t+1}.
    """
    gradients = {name: np.zeros_like(weight) for name, weight in weights.items()}
    from_next = np.zeros_like(states[0])
    for t in reversed(range(len(inputs))):
        dy = probabilities[t].copy()
        dy[targets[t]] -= 1  # of softmax and logarithm together
        da = (1 - states[t + 1] ** 2) * (weights["W_hy"].T @ dy + from_next)  # through the tanh
        gradients["W_hy"] += np.outer(dy, states[t + 1])
        gradients["b_y"] += dy
        gradients["W_xh"][:, inputs[t]] += da
        gradients["W_hh"] += np.outer(da, states[t])
        gradients["b_h"] += da
        from_next = weights["W_hh"].T @ da
    return gradients


def sample(weights, letters, first, length, rng):
    """A text that begins with a letter: each next one is drawn from p."""
    h, text = np.zeros(len(weights["b_h"])), [first]
    for _ in range(length - 1):
        _, (_, h), (p,) = forward(weights, [text[-1]], [0], h)
        text.append(int(rng.choice(len(p), p=p)))
    return "".join(letters[n] for n in text)


def train(text, steps=STEPS):
    """Learn a text with Adagrad, the state carried from block to block. Returns letters and weights."""
    rng = np.random.default_rng(1)
    letters = sorted(set(text))
    numbers = [letters.index(letter) for letter in text]
    block = min(BLOCK, len(numbers) - 1)
    weights = start(len(letters), HIDDEN, rng)
    squares = {name: np.full_like(weight, 1e-8) for name, weight in weights.items()}
    at, h, mean = 0, np.zeros(HIDDEN), np.log(len(letters))
    for step in range(steps):
        if at + block >= len(numbers):
            at, h = 0, np.zeros(HIDDEN)  # from the beginning again
        inputs, targets = numbers[at : at + block], numbers[at + 1 : at + block + 1]
        loss, states, probabilities = forward(weights, inputs, targets, h)
        for name, gradient in backward(weights, inputs, targets, states, probabilities).items():
            gradient = np.clip(gradient, -CLIP, CLIP)
            squares[name] += gradient**2
            weights[name] -= RATE * gradient / np.sqrt(squares[name])
        at, h, mean = at + block, states[-1], 0.99 * mean + 0.01 * loss / block
        if step % (steps // 5) == 0:
            print(f"step {step}: {mean:.3f} nats a letter")
    return letters, weights


if __name__ == "__main__":
    text = Path(sys.argv[1]).read_text() if len(sys.argv) > 1 else "hello"
    letters, weights = train(text)
    length = 5 if text == "hello" else 200
    print(sample(weights, letters, letters.index(text[0]), length, np.random.default_rng(2)))
