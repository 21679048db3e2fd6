"""The lessons, in the order in which they are read: NAME.md has the words, NAME.py what is computed.

NAME.md: a heading, the text, then the sections `Run it` (the command), `What to see`, `In Python`
(lines whose last one is the picture), `Exercises` (three, each with a `Hint:`) and `Sources`.
NAME.py: `exercises(folder)` gives the right answers; `files()`, where a lesson has data, gives
the texts of the files by their name (`unroll.learn.data.texts`); `PICTURE` names a picture of the
command that is not its main one.
"""

ORDER = {
    1: "sequences",
    2: "hello",
    3: "forward",
    4: "unrolling",
    5: "backpropagation",
    6: "vanishing",
    7: "clipping",
    8: "lstm",
    9: "variants",
    10: "directions",
    11: "language_models",
    12: "sampling",
    13: "attention",
    14: "units",
}
