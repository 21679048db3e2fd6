"""CIDEr-D: worked by hand, and against the formula written out once more."""

import math
import random
from collections import Counter

import pytest

from unroll.tasks.caption.cider import CiderD, cider_d, words_of


def plain_cider_d(captions, references, sigma=6.0):
    """Vedantam et al. 2015, equations 1 to 4 with the clipping and the length of CIDEr-D, over an
    explicit list of all n-grams."""

    def grams(text, n):
        w = text.lower().split()
        return [" ".join(w[k : k + n]) for k in range(len(w) - n + 1)]

    scores = []
    for caption, group in zip(captions, references, strict=True):
        total = 0.0
        for n in (1, 2, 3, 4):
            names = sorted({g for r in references for t in r for g in grams(t, n)})
            names += sorted(set(grams(caption, n)) - set(names))
            df = [sum(any(g in grams(t, n) for t in r) for r in references) for g in names]
            idf = [math.log(len(references) / max(1, d)) for d in df]

            def vector(text, n=n, names=names, idf=idf):
                count = Counter(grams(text, n))
                return [count[g] * i for g, i in zip(names, idf, strict=True)]

            for reference in group:
                c, r = vector(caption), vector(reference)
                clipped = sum(min(a, b) * b for a, b in zip(c, r, strict=True))
                size = math.sqrt(sum(a * a for a in c)) * math.sqrt(sum(b * b for b in r))
                apart = len(grams(caption, 2)) - len(grams(reference, 2))
                if size:
                    near = math.exp(-(apart**2) / (2 * sigma**2))
                    total += clipped / size * near / len(group)
        scores.append(10 * total / 4)
    return scores


def sentences(draw, count):
    return [" ".join(draw.choices("abcdefg", k=draw.randint(1, 9))) for _ in range(count)]


@pytest.mark.parametrize("seed", range(4))
def test_cider_d_is_the_formula_with_one_reference_and_with_several(seed):
    draw = random.Random(seed)
    references = [sentences(draw, draw.randint(1, 4)) for _ in range(12)]
    captions = sentences(draw, 6) + [draw.choice(group) for group in references[6:]]
    assert cider_d(captions, references) == pytest.approx(
        plain_cider_d(captions, references), abs=1e-9
    )


def test_cider_d_by_hand():
    # two images; "a" is in both: weight 0. Of the first pair "red" and "dog" weigh log 2 each
    found = cider_d(["a red cat", "a sun"], [["a red dog"], ["a sun"]])
    # unigrams: log2^2 / (sqrt2 log2 * sqrt2 log2) = 1/2; bigrams: "a red" of two, 1/2; trigrams: 0
    assert found[0] == pytest.approx(10 * (0.5 + 0.5) / 4)
    # "a sun" has no n-gram of three or four words: those orders count nothing
    assert found[1] == pytest.approx(10 * 2 / 4)
    # a word captions twice counts once, and a caption of three words more is exp(-9/72) worth
    twice = cider_d(["sun sun", "moon"], [["sun"], ["rain"]])
    assert twice[0] == pytest.approx(10 / 4 * 0.5 * math.exp(-1 / 72))
    longer = CiderD([["dog"], ["cat"]]).score("dog a b c", ["dog"])
    assert longer == pytest.approx(10 / 4 * 0.5 * math.exp(-9 / 72))


def test_what_is_everywhere_or_empty_counts_nothing():
    assert cider_d(["a dog"], [["a dog"]]) == [0.0]  # one image alone: every n-gram is in it
    assert cider_d(["", "x"], [["a b"], ["!?"]]) == [0.0, 0.0]


def test_agreement_is_the_mean_over_all_captions():
    known = CiderD([["a b c"], ["d e f"], ["a e g"]])
    captions = ["a b c", "a b c", "d e", "a e g"]
    wanted = [sum(known.score(one, [other]) for other in captions) / 4 for one in captions]
    assert known.agreement(captions) == pytest.approx(wanted)


def test_words_lose_case_and_marks():
    assert words_of("It's a Dog, no?") == ["it's", "a", "dog", "no"]
