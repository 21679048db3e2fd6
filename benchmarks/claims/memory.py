"""Claims on what gated cells keep, and what their units store."""

from benchmarks.claims.claim import Claim

TITLE = "What is kept"
VARIANTS = (
    "lstm,no_input_gate_lstm,no_forget_gate_lstm,no_output_gate_lstm,coupled_lstm,peephole_lstm,gru"
)
PLURAL = (
    "unroll train unroll-lessons/plural.txt --per-line --level word --hidden 24 --steps 500 --set floor=none "
    "--set dropout=0 --set dropout_input=0 --set learning_rate=0.02 --out runs/plural --overwrite"
)
CLAIMS = [
    Claim(
        '"The cats, which already ate ..., were full": the LSTM keeps the subject, the Elman network '
        "forgets it.",
        ("unroll compare rnn,lstm --task agreement",),
        r"(?s)rnn: .*?, (\S+) at the largest distance, 24.*lstm: .*?, (\S+) at the largest distance, 24",
        "24 words later right: rnn {0}, lstm {1} (chance 50 %)",
        small="--steps 20 --seeds 1 --hidden 8",
    ),
    Claim(
        "The variants of the LSTM are about the same.",
        (f"unroll compare {VARIANTS} --seeds 2 --hidden 32",),
        r"(?s)lstm: (\S+) of the verbs.*(do not differ by more than their seeds do)",
        "lstm {0}; the seven {1}; in counting, copying and adding some do: [compare.md](compare.md)",
        small="--steps 10 --seeds 1 --hidden 8",
        shows_small="of the verbs",
    ),
    Claim(
        "A memory that adds can count on; a memory that mixes cannot.",
        ("unroll compare lstm,coupled_lstm,gru --task counting --seeds 2 --hidden 32",),
        r"\nlstm +(?:\S+ +){6}(\S+) +(\S+).*\n.*\n*coupled_lstm +(?:\S+ +){6}(\S+) +(\S+)",
        "trained to 10, right at n = 12 and 15: lstm {0}, {1}; coupled gates {2}, {3}",
        small="--steps 10 --seeds 1 --hidden 8",
        shows_small="coupled_lstm",
    ),
    Claim(
        "A unit is a flag: one tells whether the subject is plural.",
        (PLURAL, r"unroll inspect states runs/plural --probe 'plural=(?<=the )\w+s [^.]*'"),
        r"(layer 1 \S+) tells plural: AUC (\S+).*before training the best unit has (\S+?),",
        "{0}: AUC {1}; before training the best unit has {2}",
        small="--steps 10",
    ),
    Claim(
        "The flag is a cause: set by hand, the verb changes.",
        (
            'unroll inspect set-unit runs/plural "the cat which already ate fish and rice" "c[3]=2" "c[11]=-2" '
            "--at cat",
        ),
        r"\nwere +(\S+) +(\S+)",
        "were: {0} before, {1} after",
    ),
    Claim(
        "A missing word follows from both sides of it.",
        (
            'unroll next runs/plural "the cats which already ___ fish and rice were full ." --missing --top 3',
        ),
        r"\n(\w+) +(\d\S+) +(\d\S+)",
        "{0} {1}",
    ),
    Claim(
        "What changes in training: the embedding, the gates, the softmax.",
        (PLURAL, "unroll inspect report runs/plural --out report.html --overwrite"),
        r"Written: (report.html)",
        "the part *over training* of `{0}`: paths of the embedding, means of the gates, entropy of the softmax",
        small="--steps 10",
    ),
]
