"""What `zoo.py` measured: as text, as Markdown, and in the measured columns of a document."""

PER_FLOP, TIMES_FASTER = 1.15, 8.0  # the bars: at most, at least
THREE = 3  # gates from which the bar per FLOP holds
COLUMNS = ("products", "time", "per FLOP", "one row")


def columns(found):
    """The measured columns of a cell, as a document shows them; bold is below its bar."""
    a, b = found["products"]["forward"]
    words = {"products": f"{number(a)} + {number(b)}", "time": "", "per FLOP": "", "one row": ""}
    if "batch" not in found:
        return words | {"time": "the gate is red"}
    compiled, short = found["backend"] == "cpu", shortfalls(found)
    aside = "" if compiled else f" ({found['backend']})"
    words["time"] = f"{found['batch']['ratio']:.2f}{aside}"
    if "bandwidth" in found:
        words["per FLOP"] = f"{found['bandwidth']['GB/s']:.0f} GB/s"
    elif compiled:
        words["per FLOP"] = bold(f"{found['batch']['per FLOP']:.2f}", "per FLOP" in short)
    if compiled:
        words["one row"] = bold(f"{found['one']['times faster']:.1f}", "one row" in short)
    return words


def number(a):
    return f"{a:.4g}" if abs(a - round(a)) > 1e-6 else f"{round(a)}"


def bold(word, short):
    return f"**{word}**" if short else word


def shortfalls(found):
    """What is below its bar, by column: (what was measured, the bar)."""
    short = {}
    if found["backend"] != "cpu" or "batch" not in found:
        return short
    per_FLOP, faster = found["batch"]["per FLOP"], found["one"]["times faster"]
    if per_FLOP is not None and found["gates"] >= THREE and per_FLOP > PER_FLOP:
        short["per FLOP"] = (
            f"{per_FLOP:.2f} of torch.nn.LSTM's time per FLOP; the bar is {PER_FLOP}"
        )
    if faster < TIMES_FASTER:
        short["one row"] = (
            f"{faster:.1f} times as fast as its eager loop with one row; the bar is {TIMES_FASTER:g}"
        )
    return short


def missed(measured):
    """A sentence for each cell that is below its bar, or is not compiled."""
    for found in measured:
        for what in shortfalls(found).values():
            yield f"{found['cell']}: {what}"
        if found["backend"] != "cpu":
            yield f"{found['cell']} runs on the {found['backend']} backend: {found['why']}"


def progress_line(found):
    """One line about a cell, printed as progress."""
    words = columns(found)
    per = words["per FLOP"] if "GB/s" in words["per FLOP"] else f"{words['per FLOP']} per FLOP"
    return f"{words['time']} of torch.nn.LSTM's time, {per}, {words['one row']} x its loop"


def line(found):
    """One line of the table that a run prints at its end."""
    ms = {f"ms, {n}": f"{v:.3g}" for n, v in found["batch"]["ms"].items()}
    words = {what: word.replace("*", "") or "-" for what, word in columns(found).items()}
    bar = "missed" if shortfalls(found) else "met" if found["backend"] == "cpu" else "-"
    return {"cell": found["cell"], **ms, **words, "bars": bar}


def markdown(measured):
    """The measured columns of all cells as Markdown, then the sentences that fit in no column."""
    lines = [["cell", *COLUMNS], ["---"] * (1 + len(COLUMNS))]
    lines += [[f"`{f['cell']}`", *columns(f).values()] for f in measured["cells"]]
    short = [f"- {sentence}" for sentence in missed(measured["cells"])]
    return "\n".join(
        [*(f"| {' | '.join(row)} |" for row in lines), "", *short, *bandwidths(measured)]
    )


def bandwidths(measured):
    for found in measured["cells"]:
        if "bandwidth" in found:
            b = found["bandwidth"]
            yield (
                f"- {found['cell']}: {sum(b['bytes'].values()) / 1e6:.0f} MB in {b['loop ms']:.1f} ms, "
                f"{b['GB/s']:.1f} GB/s; a copy beside it {b['copy GB/s']:.1f} GB/s"
            )


def replace_measured_columns(text, measured):
    """A document with the measured columns of its tables replaced.

    A row belongs to the cell whose name is first in it, in backquotes.
    """
    known = {found["cell"]: columns(found) for found in measured["cells"]}
    lines, headings = [], []
    for line in text.split("\n"):
        if not line.startswith("|"):
            headings = []
        parts = [part.strip() for part in line.strip("|").split("|")]
        if line.startswith("|") and not headings:
            headings = parts
        name = parts[0].split("`")[1] if parts[0].count("`") >= 2 else None
        if name in known and len(parts) == len(headings):
            words = [known[name].get(h, p) for h, p in zip(headings, parts, strict=True)]
            line = f"| {' | '.join(words)} |"
        lines.append(line)
    return "\n".join(lines)
