"""Claims on the smallest text, and on language models."""

from benchmarks.claims.claim import Claim

TITLE = "Hello, and language models"
L = "unroll-lessons"
HELLO = f"unroll train {L}/hello.txt --cell rnn --steps 300 --out runs/hello --overwrite"
PEARS = (
    f"unroll train {L}/pears.txt --per-line --hidden 32 --steps 200 --set learning_rate=0.01 "
    "--set floor=none --out runs/pears --overwrite"
)
CLAIMS = [
    Claim(
        'Trained on "hello" with the vocabulary h, e, l, o, the network writes l after the first l and o '
        "after the second.",
        (HELLO, "unroll next runs/hello hell --top 4"),
        r"(\S+%)  o .*\n.*(\S+%)  .*\n(?:.*\n)?.*\n(?!.*<unk>)",
        "o {0}; no `<unk>` among the four letters",
    ),
    Claim(
        "Written greedily, from h, it says hello.",
        ("unroll generate runs/hello --prompt h --greedy --length 4",),
        r"(hello)",
        "{0}",
    ),
    Claim(
        "Probabilities at each step; the probability of a text is their product.",
        ("unroll score runs/hello hello",),
        r"(?s)log-probability (\S+) nats over (\d+) tokens",
        "{0} nats over {1} tokens, and each factor",
    ),
    Claim(
        "A language model decides between words that sound the same: pear or pair.",
        (
            PEARS,
            'unroll score runs/pears "the apple and pear salad was good" '
            '"the apple and pair salad was good"',
        ),
        r"(?s)(\S+) times as likely",
        "pear is {0} times as likely",
        small="--steps 20",
        shows_small="times as likely",
    ),
    Claim(
        "Predicted beside actual: compare the outputs with the targets.",
        ("unroll inspect predictions runs/hello hello",),
        r"(\d+ of \d+) next characters are right",
        "{0} right, letter under letter",
    ),
    Claim(
        "One-hot inputs, no unknown token, a random first state, a forget bias: as the equations have them.",
        (
            f"unroll train {L}/hello.txt --cell lstm --steps 300 --set input=onehot --set unknown=never "
            "--set start=random --set forget_bias=3 --out runs/one_hot --overwrite",
        ),
        r"this model +(\S+) bits per character",
        "{0} bits per character",
        small="--steps 5",
    ),
]
