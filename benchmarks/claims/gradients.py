"""Claims on how a network is trained through time."""

from benchmarks.claims.claim import Claim

TITLE = "Training through time"
CLAIMS = [
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
