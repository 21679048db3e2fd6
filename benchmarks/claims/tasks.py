"""Claims on whole tasks: tags, translation, sampling."""

from benchmarks.claims.claim import Claim

TITLE = "Tasks"
L = "unroll-lessons"
CLAIMS = [
    Claim(
        "Attention: each word that is written looks at the word that it comes from.",
        (
            f"unroll train {L}/reversed.tsv --task translate --level word --hidden 64 --steps 300 "
            "--set floor=none --out runs/reversed --overwrite",
            'unroll inspect attention runs/reversed "a b c d e f"',
        ),
        r"(?s)translation (f e d c b a)\).* f  \|.*\|  f (\S+)",
        "a b c d e f becomes {0}; f looks at f with {1}",
        small="--steps 5",
        shows_small=r"source a b c d e f",
    ),
    Claim(
        "Temperature: colder is surer, hotter is freer; the order stays.",
        ('unroll next runs/pears "the p" --temperature 0.5,1,2 --top 6',),
        r"(?s)unsure as (\S+) .*unsure as (\S+) .*unsure as (\S+) ",
        "at 0.5, 1 and 2 as unsure as {0}, {1} and {2} equal choices",
    ),
]
