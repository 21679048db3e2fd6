"""Claims on whole tasks: tags, translation, sampling."""

from benchmarks.claims.claim import Claim

TITLE = "Tasks"
L = "unroll-lessons"
CLAIMS = [
    Claim(
        "The word after decides (Teddy Roosevelt, teddy bears): one direction cannot know it, two can.",
        ("unroll compare rnn,lstm --task names --directions 1,2 --hidden 32 --seeds 1",),
        r"(?s)lstm directions 1: (\S+) of.*lstm directions 2: (\S+) of",
        "names right: one direction {0}, two {1} (chance 50 %)",
        small="--steps 10",
    ),
    Claim(
        "The same with a tagger: one direction, each tag by itself.",
        (
            f"unroll train {L}/teddy.conll --steps 60 --hidden 16 --set floor=none --set output=softmax "
            "--set bidirectional=false --out runs/teddy --overwrite",
        ),
        r"(?s)this model +precision +(\S+) +recall +(\S+) +F1 +(\S+)",
        "precision {0}, recall {1}, F1 {2}",
        small="--steps 3",
    ),
    Claim(
        "The same with two directions.",
        (
            f"unroll train {L}/teddy.conll --steps 60 --hidden 16 --set floor=none --set output=softmax "
            "--out runs/teddy --overwrite",
        ),
        r"(?s)this model +precision +(\S+) +recall +(\S+) +F1 +(\S+)",
        "precision {0}, recall {1}, F1 {2}",
        small="--steps 3",
    ),
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
