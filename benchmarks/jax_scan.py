"""The same steps in JAX, under `lax.scan` and `jit`, with the weights of the PyTorch cells.

Each step is written for one sequence batch, (p, x, state) -> (output, state), with p the
parameters by their PyTorch names. Imported only where JAX is installed.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.nn import log_sigmoid, sigmoid


def elman(p, x, state):
    (h,) = state
    h = jnp.tanh(x @ p["weight_ih"].T + p["bias_ih"] + h @ p["weight_hh"].T + p["bias_hh"])
    return h, (h,)


def lstm(p, x, state):
    h, c = state
    a = x @ p["weight_ih"].T + p["bias_ih"] + h @ p["weight_hh"].T + p["bias_hh"]
    i, f, g, o = jnp.split(a, 4, 1)
    c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
    h = sigmoid(o) * jnp.tanh(c)
    return h, (h, c)


def gru(p, x, state):
    (h,) = state
    x_r, x_z, x_n = jnp.split(x @ p["weight_ih"].T + p["bias_ih"], 3, 1)
    h_r, h_z, h_n = jnp.split(h @ p["weight_hh"].T + p["bias_hh"], 3, 1)
    r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
    h = (1 - z) * jnp.tanh(x_n + r * h_n) + z * h
    return h, (h,)


def read_and_recur(p, x, h, count):
    return jnp.split(x @ p["read.weight"].T + p["read.bias"] + h @ p["recur.weight"].T, count, 1)


def peephole(p, x, state):
    h, c = state
    i, f, g, o = read_and_recur(p, x, h, 4)
    i, f = sigmoid(i + p["peep_i"] * c), sigmoid(f + p["peep_f"] * c)
    c = f * c + i * jnp.tanh(g)
    h = sigmoid(o + p["peep_o"] * c) * jnp.tanh(c)
    return h, (h, c)


def coupled(p, x, state):
    h, c = state
    f, g, o = read_and_recur(p, x, h, 3)
    f = sigmoid(f)
    c = f * c + (1 - f) * jnp.tanh(g)
    h = sigmoid(o) * jnp.tanh(c)
    return h, (h, c)


def slstm(p, x, state):
    h, c, n, m = state
    i, f, z, o = read_and_recur(p, x, h, 4)
    log_f = log_sigmoid(f)
    m_new = jnp.maximum(log_f + m, i)
    i, f = jnp.exp(i - m_new), jnp.exp(log_f + m - m_new)
    c, n = f * c + i * jnp.tanh(z), f * n + i
    h = sigmoid(o) * (c / n)
    return h, (h, c, n, m_new)


def reset_after(p, x, state):
    names = {"read": "ih", "recur": "hh"}
    return gru({f"{k}_{n}": p[f"{o}.{k}"] for o, n in names.items() for k in ("weight", "bias")},
               x, state)  # fmt: skip


def reset_before(p, x, state):
    (h,) = state
    gates = jnp.concatenate([x, h], 1) @ p["gates.weight"].T + p["gates.bias"]
    r, z = jnp.split(sigmoid(gates), 2, 1)
    both = jnp.concatenate([x, r * h], 1)
    n = jnp.tanh(both @ p["candidate.weight"].T + p["candidate.bias"])
    h = z * h + (1 - z) * n
    return h, (h,)


# name: (step, number of state fields)
STEPS = {
    "Elman": (elman, 1),
    "LSTM": (lstm, 2),
    "GRU": (gru, 1),
    "peephole LSTM": (peephole, 2),
    "coupled LSTM": (coupled, 2),
    "sLSTM": (slstm, 4),
    "GRU reset-after": (reset_after, 1),
    "GRU reset-before": (reset_before, 1),
}


def training(name, parameters, x, gradient, H, input_gradients):
    """A call without arguments: outputs, last state, gradients of the parameters (and of x)."""
    step, count = STEPS[name]
    parameters = {n: jnp.asarray(p.detach().numpy()) for n, p in parameters.items()}
    x, gradient = jnp.asarray(x.numpy()), jnp.asarray(gradient.numpy())
    names = list(parameters)

    def over_time(p, x):
        start = tuple(jnp.zeros((x.shape[1], H), x.dtype) for _ in range(count))

        def body(state, x):
            output, state = step(p, x, state)
            return state, output

        last, outputs = lax.scan(body, start, x)
        return outputs, last

    @jax.jit
    def run(p, x, gradient):
        if input_gradients:
            outputs, back, last = jax.vjp(over_time, p, x, has_aux=True)
            d_p, d_x = back(gradient)
            return [outputs, *last, *(d_p[n] for n in names), d_x]
        outputs, back, last = jax.vjp(lambda p: over_time(p, x), p, has_aux=True)
        (d_p,) = back(gradient)
        return [outputs, *last, *(d_p[n] for n in names)]

    return lambda: [np.asarray(a) for a in jax.block_until_ready(run(parameters, x, gradient))]
