"""Claims on one cell: its equations, its unrolling, its memory."""

from benchmarks.claims.claim import Claim

TITLE = "One cell"
CLAIMS = [
    Claim(
        "One forward pass, with the numbers of every step.",
        ("unroll inspect cell rnn hello --hidden 2",),
        r"Step 3, l.*\n  h'\s+(\S+)\s+(\S+)\n\nStep 4, l.*\n  h'\s+(\S+)\s+(\S+)",
        "the same letter, two states: {0}, {1} and {2}, {3}",
    ),
    Claim(
        "The same cell in the letters of each text: `U x + W s`, `W_a [a, x]`, `W_hh h + W_xh x`, `[h, x]`.",
        ("unroll inspect cell rnn hello --notation wildml",),
        r"(s_t = tanh\(U x_t \+ W s_\{t-1\} \+ b\))",
        "`{0}`; also `torch`, `karpathy`, `olah`, `ng`",
    ),
    Claim(
        "Stacked, `W_a [a, x]` is the same as two products.",
        ("unroll inspect cell rnn hello --notation ng",),
        r"(a<t> = tanh\(W_a \[a<t-1>, x<t>\] \+ b_a\))",
        "`{0}`, with the numbers of the row above",
    ),
    Claim(
        "The LSTM step by step in four figures: forget, take in, new memory, put out.",
        ("unroll inspect cell lstm hello --notation olah --out walk.html",),
        r"(?s)1\. (What to forget).*2\. (What to take in).*3\. (The new memory).*4\. (What to put out)",
        "a page with a figure for each: {0}, {1}, {2}, {3}",
    ),
    Claim(
        "The loop, and the network unrolled over time, are the same drawing.",
        ("unroll inspect cell lstm hello --svg pictures --overwrite",),
        r"(?s)(pictures)",
        "both drawings in `{0}/`, of any cell, from its own operations",
    ),
    Claim(
        "A memory can count: add 1, add -1, reset (weights that a person picks by hand).",
        ("unroll inspect cell lstm aaabbb --weights counter",),
        r"(?s)Step 3, a.*?c'\s+(\S+).*Step 6, b.*?c'\s+(\S+)",
        "after aaa c = {0}, after aaabbb c = {1}",
    ),
    Claim(
        "Some peepholes and not others.",
        (
            'unroll inspect cell peephole_lstm hello --hidden 2 --cell-options \'{"peepholes": "if"}\'',
        ),
        r"(?s)(i = \S.*?)\n.*(o = .*?)\n",
        "i and f read the memory, o does not",
    ),
    Claim(
        "Lessons, exercises that are checked, notebooks.",
        ("unroll learn",),
        r"(?s)(1) +Sequences.*\n +(\d+) +What",
        "lessons {0} to {1}; `unroll learn check N`, `unroll learn notebooks FOLDER`",
    ),
]
