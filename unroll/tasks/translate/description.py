"""What a translator's run reports in words: about its pairs, and about its metrics."""

from __future__ import annotations

from unroll.counting import counted, listed, ratio_in_words
from unroll.data.problems import Problems
from unroll.tasks.comparison import comparison_table
from unroll.tasks.translate.batches import EncodedPairs, PairBatches
from unroll.tasks.translate.budget_sizes import fits_budget
from unroll.tasks.translate.metrics import TranslateMetrics, TranslationScores, unknown_rates
from unroll.tasks.translate.pairs import open_pairs
from unroll.tasks.translate.reader import TranslateData, read_pairs
from unroll.tasks.translate.settings import TranslateSettings

ORIGINS = {
    "network": "the network",
    "neighbour": "a known pair",
    "mended neighbour": "a known pair with words replaced",
    "word by word": "the table of words",
}
TOKENS = {"char": "characters", "word": "words", "bpe": "pieces of words"}


def describe(data: TranslateData, settings: TranslateSettings) -> list[str]:
    """Sentences on the pairs and the batches, each choice with the flag that changes it."""
    return [
        *describe_pairs(data, settings),
        *describe_floor(data),
        *describe_sizes(settings),
        *describe_network(data, settings),
    ]


def describe_floor(data: TranslateData) -> list[str]:
    """A sentence on the known pairs that the network is combined with."""
    memory = data.preprocessor.floor
    if memory is None:
        return []
    every = len(data.train)
    share = f" (of {every:,}, evenly spread)" if len(memory.pairs) < every else ""
    return [
        f"Floor: {counted(len(memory.pairs), 'known pair')}{share}, of which the nearest to a source (words 1 "
        f"and 2, characters 2 to 5) are candidates beside what the network finds, and a table of "
        f"{counted(len(memory.forward.keys), 'entry', 'entries')} that mends words (--set floor=none: "
        "the network alone)."
    ]


def describe_pairs(data: TranslateData, settings: TranslateSettings) -> list[str]:
    """Sentences on the two sets, the tokens, and what was skipped."""
    preprocessor, file = data.preprocessor, data.file
    source, target = len(preprocessor.source), len(preprocessor.target)
    sizes = f"{source:,} different ones in sources and {target:,} in targets"
    if preprocessor.joint:
        sizes = f"{target:,} different ones, shared by both sides"
    rates = unknown_rates(data.valid)
    lengths = {"source": data.train.source.lengths, "target": data.train.target.lengths}
    sentences = [
        f"Training set: {counted(len(data.train), 'pair')} in {file.describe()} (--set source=N "
        "--target N, or --target FILE).",
        f"Validation set: {data.validation_set}, {counted(len(data.valid_pairs), 'pair')} (--valid "
        "FILE, --by COLUMN).",
        f"Tokens are {TOKENS[settings.level]} (--level), {sizes} (--set joint=true|false). Unknown "
        f"tokens in the validation set: {rates['source']:.2%} of the sources, {rates['target']:.2%} of "
        "the targets.",
        "Lengths in tokens: "
        + ", ".join(
            f"{side} {n.mean():.1f} on average, at most {n.max()}" for side, n in lengths.items()
        )
        + ".",
        *data.messages,
    ]
    if file.header and (file.table is None or file.table.columns.header):
        sentences.append(f"Line 1 is read as the names of the columns: {listed(file.names)}.")
    return sentences


def describe_sizes(settings: TranslateSettings) -> list[str]:
    """A sentence on sizes that were chosen for a budget of seconds."""
    left_open = settings.model_copy(update={"encoder_hidden": None})
    if not fits_budget(left_open):
        return []
    return [
        "Units, embedding, dropout and learning rate that are not given fit the seconds of the run, by "
        "the time of a step, and the number of tokens (--hidden N, --set embedding=N, dropout=P, "
        "word_dropout=P, learning_rate=R)."
    ]


def describe_network(data: TranslateData, settings: TranslateSettings) -> list[str]:
    """Sentences on the batches, the loss and the attention."""
    waste = PairBatches(data.train, settings.batch_size or 1, settings.seed).waste()
    forcing = ""
    if settings.teacher_forcing < 1:
        forcing = (
            f"; the share of true inputs falls to {settings.teacher_forcing:.0%} in "
            f"{counted(settings.forcing_epochs, 'epoch')}"
        )
    coverage = ", with coverage" if settings.coverage else ""
    feeding = ", with input feeding" if settings.input_feeding else ""
    return [
        f"Batches: {counted(settings.batch_size or 1, 'pair')} of about the same lengths, {waste:.1%} "
        f"of their steps are padding; label smoothing {settings.label_smoothing:g}{forcing}.",
        f"Attention: {settings.attention} (--set attention=dot|general|additive){coverage}{feeding}; "
        f"encoder of 2 x {settings.encoder_hidden} units.",
    ]


def summarise(metrics: TranslateMetrics, where: str) -> list[str]:
    """Metrics as sentences, beside those of the baselines. where: what was measured on."""
    return [
        f"On {where}, {counted(metrics['pairs'], 'pair')} ({metrics['search']}):",
        *comparison_table(metrics, metrics["baselines"], format_scores),
        *describe_no_bleu(metrics),
        f"  perplexity {ratio_in_words(metrics['perplexity'])}; token accuracy "
        f"{metrics['token_accuracy']:.2%} over {counted(metrics['tokens'], 'token')}, each predicted from "
        "the true tokens before it",
        *(f"  {name} {signature}" for name, signature in metrics["signatures"].items()),
        *earned(metrics),
    ]


def describe_no_bleu(metrics: TranslateMetrics) -> list[str]:
    """A sentence where BLEU is left out."""
    if not metrics.get("without_bleu"):
        return []
    return ["BLEU is left out: no reference has four words, so it is 0 whatever is written."]


def earned(metrics: TranslateMetrics) -> list[str]:
    """A sentence on whether the network earns its seconds; none without known pairs."""
    if "origins" not in metrics:
        return []
    names = ("known pairs alone", "nearest neighbour", "network alone")
    score, title = ("chrf", "chrF") if metrics.get("without_bleu") else ("bleu", "BLEU")
    figures = [
        f"the {name}: {scores[score]:.1f}"  # type: ignore[literal-required]
        for name in names
        if (scores := metrics["baselines"].get(name)) is not None
    ]
    if "network alone" not in metrics["baselines"]:
        figures.append("the network is not used")
    origins = sorted(metrics["origins"].items(), key=lambda item: -item[1])
    parts = ", ".join(f"{count:,} by {ORIGINS[origin]}" for origin, count in origins)
    return [
        f"The network with the known pairs: {title} "
        f"{metrics[score]:.1f}; {'; '.join(figures)}. "  # type: ignore[literal-required]
        f"Translations: {parts}."
    ]


def format_scores(scores: TranslationScores) -> str:
    """The scores of one line of a table; without BLEU where it says nothing."""
    bleu = "" if scores.get("without_bleu") else f"BLEU {scores['bleu']:5.2f}   "
    return f"{bleu}chrF {scores['chrf']:5.2f}   exact match {scores['exact_match']:6.2%}"


def check_report(path: str, settings: TranslateSettings) -> dict[str, object]:
    """Pairs, lengths, unknown tokens and duplicates of a file; bad records are counted.

    Raises:
        UserError: where nothing can be read.
    """
    file = open_pairs(path, settings.source, settings.target, settings.by)
    problems = Problems(skip=True)
    pairs = sum(1 for _ in file.pairs(problems))
    report: dict[str, object] = {"pairs": pairs, "read": file.describe()}
    if pairs > 1:
        tolerant = settings.model_copy(update={"skip_bad": True})
        if tolerant.max_length is not None and tolerant.too_long == "refuse":
            tolerant = tolerant.model_copy(update={"too_long": "leave_out"})
        report |= set_report(read_pairs(path, tolerant), problems)
    return {**report, "problems": problems.messages()}


def set_report(data: TranslateData, problems: Problems) -> dict[str, object]:
    """Facts about the training set and the validation set. problems: those that are listed apart."""
    listed = problems.messages()
    return {
        "validation_set": f"{data.validation_set}, {counted(len(data.valid_pairs), 'pair')}",
        "vocabulary": {
            "source": len(data.preprocessor.source),
            "target": len(data.preprocessor.target),
        },
        "tokens": token_lengths(data.train),
        "unknown_rate": unknown_rates(data.valid),
        "messages": [sentence for sentence in data.messages if sentence not in listed],
    }


def token_lengths(pairs: EncodedPairs) -> dict[str, dict[str, float]]:
    """Mean and largest number of tokens of each side."""
    sides = {"source": pairs.source.lengths, "target": pairs.target.lengths}
    return {
        side: {"mean": float(lengths.mean()), "longest": int(lengths.max())}
        for side, lengths in sides.items()
    }
