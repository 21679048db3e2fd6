"""Claims on how a network is trained through time."""

from benchmarks.claims.claim import Claim

TITLE = "Training through time"
CLAIMS = [
    Claim(
        "Gradients vanish in a simple network.",
        ("unroll inspect gradients --cells rnn --length 100",),
        r"halves every (\S+) steps; 50 steps back (\S+) of it is left. It (vanishes)",
        "halves every {0} steps; 50 steps back {1} is left",
    ),
    Claim(
        "With large weights they explode.",
        ("unroll inspect gradients --cells rnn --gain 3 --length 100",),
        r"doubles every (\S+) steps.*50 steps back (?:it is )?(\S+)",
        "doubles every {0} steps",
    ),
    Claim(
        "Fractions multiplied vanish: a network that only multiplies by 0.9 loses half in log 0.5 / log 0.9 = "
        "6.58 steps.",
        ("unroll inspect gradients --cells rnn --gain 0.9 --inputs 0 --length 100",),
        r"halves every (6\.5\d) steps",
        "halves every {0} steps",
    ),
    Claim(
        "An LSTM whose forget gates are open keeps the gradient in its memory.",
        ("unroll inspect gradients --cells rnn,lstm --forget-bias 3 --length 100",),
        r"lstm: .*; 50 steps back (\S+) of it is left.*It (lasts)",
        "50 steps back {0} is left in c; rnn: less than a billionth",
    ),
    Claim(
        "The start matters: with that of He the gradient of the same network lives longer.",
        ("unroll inspect gradients --cells rnn --init he --length 100",),
        r"rnn: the gradient halves every (\S+) steps",
        "halves every {0} steps; the first row has the orthogonal start",
    ),
    Claim(
        "A reservoir (echo state network) has no vanishing gradient, because its recurrent weights are not "
        "trained.",
        ("unroll inspect gradients --cells echo_state --length 100",),
        r"spectral radius is (\S+)\. .*recall (\S+) of the last inputs",
        "spectral radius {0}; a linear read-out recalls {1} inputs",
    ),
    Claim(
        "For one chosen word: the gradient of its loss to everything before it.",
        ("unroll inspect gradients runs/hello --text hello --at o",),
        r"(?s)The loss is that of '(o)' after step (\d+).*steps away, (\S+) of that",
        "the loss of {0} after step {1}; at the first step {2} of the gradient is left",
    ),
    Claim(
        "Backpropagation through time is a sum: the gradient of the loss of step 4 has a summand from each "
        "step, and the far ones are small.",
        ("unroll inspect summands rnn hello --at 4",),
        r"(?s)\n1 +h +\S+ +(\S+).*\n4 +l +\S+ +(\S+).*is the gradient that autograd finds, exactly",
        "from step 1: {0}; from step 4: {1}; the sum is the gradient of autograd, exactly",
    ),
    Claim(
        "Truncated to so many steps, the gradient misses the rest of the sum.",
        ("unroll inspect summands rnn hello --at 4",),
        r"Truncated to so many steps, it misses (\S+) \(1\), (\S+) \(2\)",
        "misses {0} (1 step), {1} (2 steps)",
    ),
    Claim(
        "Clipping cures the gradient that explodes.",
        (
            "unroll compare rnn --task counting --clip none,1 --gain 3 --optimizer sgd --learning-rate 1 "
            "--steps 300 --seeds 2",
        ),
        r"(?s)rnn clip none: (\S+) of.*rnn clip 1: (\S+) of",
        "right without clipping: {0}, with: {1}",
        small="--steps 20 --seeds 1",
    ),
]
