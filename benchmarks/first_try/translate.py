"""Translations: the nearest neighbour by scikit-learn beside unroll, in BLEU and chrF of sacreBLEU."""

import time
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.first_try.row import Row, train_and_evaluate

DATA = Path(__file__).parents[3] / "shared/data/translation/tatoeba_eng_fra"
SIMPLE = "target of the nearest source, TF-IDF of words 1-2 and characters 2-5 (scikit-learn)"


def tatoeba(seconds, seed):
    """English to French, the sets of the folder."""
    if not DATA.is_dir():
        raise FileNotFoundError(f"{DATA} is missing")
    return compared(
        *(read_pairs(DATA / f"{name}.txt") for name in ("train", "valid", "test")), seconds, seed
    )


def emoji_names(seconds, seed):
    """English to Japanese names of emoji, of the package emoji; a tenth is the test set, by a hash."""
    import emoji

    emoji.config.load_language("ja")
    whole = emoji.STATUS["fully_qualified"]
    facts = [fact for fact in emoji.EMOJI_DATA.values() if "ja" in fact and fact["status"] == whole]
    names = [tuple(fact[k].strip(":").replace("_", " ") for k in ("en", "ja")) for fact in facts]
    pairs = list(dict.fromkeys(names))
    tests = [zlib.crc32(source.encode()) % 10 == 0 for source, _ in pairs]
    train, test = ([p for p, t in zip(pairs, tests, strict=True) if t == w] for w in (False, True))
    return compared(train, None, test, seconds, seed)


def read_pairs(path):
    return [tuple(line.rstrip("\n").split("\t")[:2]) for line in path.open(encoding="utf-8")]


def nearest_targets(train, sources):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.neighbors import NearestNeighbors
    from sklearn.pipeline import make_union

    vectors = make_union(
        TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\w+|[^\w\s]"),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5)),
    )
    known = vectors.fit_transform([source for source, _ in train])
    nearest = NearestNeighbors(n_neighbors=1, metric="cosine", algorithm="brute").fit(known)
    rows = nearest.kneighbors(vectors.transform(sources), return_distance=False)[:, 0]
    return [train[row][1] for row in rows]


def compared(train, valid, test, seconds, seed):
    """Both models on one test set. valid: None: unroll holds out a part of the training set."""
    from sacrebleu.metrics.bleu import BLEU

    sources, references = zip(*test, strict=True)
    begun = time.process_time()
    simple = nearest_targets([*train, *(valid or [])], list(sources))
    simple_seconds = time.process_time() - begun
    with TemporaryDirectory() as folder:
        sets = {"train": train, "valid": valid, "test": test}
        for name, pairs in sets.items():
            if pairs is not None:
                text = "".join(f"{a}\t{b}\n" for a, b in pairs)
                (Path(folder) / f"{name}.tsv").write_text(text, encoding="utf-8")
        words = ["train.tsv", "--task", "translate"]
        words += ["--valid", "valid.tsv"] if valid is not None else []
        found, spent = train_and_evaluate(Path(folder), words, "test.tsv", seconds, seed)
    return Row(
        metric="BLEU",
        higher=True,
        simple=round(BLEU().corpus_score(simple, [list(references)]).score, 2),
        simple_model=SIMPLE,
        simple_seconds=round(simple_seconds, 1),
        unroll=round(found["bleu"], 2),
        unroll_seconds=round(spent, 1),
        alone={name: round(scores["bleu"], 2) for name, scores in found["baselines"].items()},
        test=len(test),
    )


ROWS = {"tatoeba-en-fr": tatoeba, "emoji-en-ja": emoji_names}
