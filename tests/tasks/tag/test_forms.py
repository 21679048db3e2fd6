"""The same sentences in every form: trained on, resumed, evaluated, predicted and checked alike."""

import csv
import io
import json

import pytest

import unroll
from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.run.data_check import check
from unroll.tasks import guess_task
from unroll.tasks.tag.conll import Sentence
from unroll.tasks.tag.forms import find_tag_form, inherited_form, read_form, tagged_lines
from unroll.tasks.tag.reader import read_data
from unroll.tasks.tag.settings import TagSettings
from unroll.tasks.tag.slashed import SlashForm
from unroll.tasks.tag.table_form import TableForm

SENTENCES = [
    (("She", "saw", "New", "York", "."), ("O", "O", "B-place", "I-place", "O")),
    (("He", "left", "Oslo", "."), ("O", "O", "B-place", "O")),
] * 6


def conll(separator="\t"):
    return "\n".join(
        "".join(f"{w}{separator}{t}\n" for w, t in zip(*each, strict=True)) for each in SENTENCES
    )


def json_lines(*fields, integers=False):
    tags = sorted({tag for _, own in SENTENCES for tag in own})
    rows = []
    for words, own in SENTENCES:
        row = dict(
            zip(fields, (words, [tags.index(t) for t in own] if integers else own), strict=True)
        )
        rows.append(json.dumps({"id": len(rows), **row}))
    return "\n".join(rows) + "\n"


def marked(make):
    rows = []
    for words, tags in SENTENCES:
        text = " ".join(words)
        first = next(k for k, tag in enumerate(tags) if tag[0] == "B")
        length = 1 + sum(tag[0] == "I" for tag in tags)
        name = " ".join(words[first : first + length])
        start = text.index(name)
        rows.append(make(text, start, start + len(name), "place"))
    return rows


def spans_as_lists(field):
    rows = marked(lambda text, *span: json.dumps({"text": text, field: [span]}))
    return "\n".join(rows) + "\n"


def spans_as_objects():
    def row(text, start, end, label):
        span = {"id": 7, "start_offset": start, "end_offset": end, "label": label}
        return json.dumps({"id": 1, "text": text, "entities": [span], "relations": []})

    return "\n".join(marked(row)) + "\n"


def spacy():
    return json.dumps(marked(lambda text, *span: [text, {"entities": [span]}]))


def kaggle(every_row=False, separator=","):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator)
    writer.writerow(["Sentence #", "Word", "POS", "Tag"])
    for n, (words, tags) in enumerate(SENTENCES, 1):
        for k, (word, tag) in enumerate(zip(words, tags, strict=True)):
            writer.writerow([f"Sentence: {n}" if every_row or not k else "", word, "X", tag])
    return out.getvalue()


def lists_in_cells(text=False):
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["sentence" if text else "tokens", "ner_tags"])
    for words, tags in SENTENCES:
        writer.writerow([" ".join(words) if text else str(list(words)), str(list(tags))])
    return out.getvalue()


def slashed(separator):
    return "\n".join(
        " ".join(f"{w}{separator}{t}" for w, t in zip(*each, strict=True)) for each in SENTENCES
    )


FORMS = {
    "tabs.conll": conll(),
    "spaces.txt": conll(" "),
    "names.tsv": "token\tlabel\n" + conll(),
    "blank.csv": "word,tag\n" + conll(","),
    "tokens.jsonl": json_lines("tokens", "tags"),
    "ner.json": json_lines("tokens", "ner_tags"),
    "list.json": "[" + ",\n".join(json_lines("words", "labels").split("\n")[:-1]) + "]",
    "entities.jsonl": spans_as_lists("entities"),
    "doccano.jsonl": spans_as_lists("label"),
    "offsets.jsonl": spans_as_objects(),
    "spacy.json": spacy(),
    "ner_dataset.csv": kaggle(),
    "every.csv": kaggle(every_row=True),
    "semicolons.csv": kaggle(separator=";"),
    "kaggle.tsv": kaggle(separator="\t"),
    "cells.csv": lists_in_cells(),
    "texts.csv": lists_in_cells(text=True),
    "slash.txt": slashed("/"),
    "underscore.pos": slashed("_"),
}


@pytest.fixture(params=FORMS)
def form_file(request, tmp_path):
    path = tmp_path / request.param
    path.write_text(FORMS[request.param])
    return path


def test_the_same_sentences_are_read_from_every_form(form_file):
    name = form_file.name
    form = find_tag_form(form_file, name)
    found = list(read_form(form_file, name, form, Problems()))
    assert [(s.words, s.tags) for s in found] == SENTENCES
    assert all(s.line(len(s.words) - 1) >= s.first >= 1 for s in found)
    word, tag = form.settings()
    assert find_tag_form(form_file, name, word, tag) == form
    assert inherited_form(form_file, name, word, tag, universal=False) == form
    if isinstance(form, TableForm) and form.named:
        with pytest.raises(UserError, match="reads its word in column 'nothing'"):
            inherited_form(
                form_file, name, "nothing", "such", universal=False, named={"word", "tag"}
            )
    else:
        assert inherited_form(form_file, name, "nothing", "such", universal=False) == form


@pytest.mark.parametrize("name", ["tokens.jsonl", "spacy.json", "ner_dataset.csv", "slash.txt"])
def test_a_run_of_every_form(tmp_path, small, name):
    path = tmp_path / name
    path.write_text(FORMS[name])
    run = unroll.train(path, tmp_path / "run", task="tag", steps=2, **small)
    again = unroll.train(path, tmp_path / "run", resume=True, steps=3, quiet=True)
    assert again.evaluate(path)["words"] == sum(len(words) for words, _ in SENTENCES)
    for other in ("tabs.conll", "doccano.jsonl", "every.csv", "underscore.pos"):
        (tmp_path / other).write_text(FORMS[other])
        columns = {"word": "Word", "tag": "Tag"} if other == "every.csv" else {}
        assert again.evaluate(tmp_path / other, **columns)["words"] == 54
        word = again.settings.word
        again.adjust(word=columns.get("word", word))
        predictions = list(again.predict_file(tmp_path / other))
        again.adjust(word=word)
        assert [tuple(each["words"]) for each in predictions] == [w for w, _ in SENTENCES]
    report = check(str(path), print, task="tag")
    assert (report["sentences"], report["scheme"], report["labels"]) == (12, "BIO", {"place": 12})
    assert run.preprocessor.scheme == "BIOES"


def test_numbers_may_be_tags(tmp_path, small):
    path = tmp_path / "numbers.jsonl"
    path.write_text(json_lines("tokens", "ner_tags", integers=True))
    run = unroll.train(path, tmp_path / "run", task="tag", steps=1, **small)
    assert run.preprocessor.labels == ("0", "1", "2")


def test_columns_are_chosen_by_name(tmp_path):
    path = tmp_path / "pos.jsonl"
    row = {"tokens": ["It", "is"], "ner_tags": ["O", "O"], "pos_tags": ["PRON", "VERB"]}
    path.write_text(json.dumps(row) + "\n")
    form = find_tag_form(path, "pos.jsonl", None, "pos_tags")
    assert next(read_form(path, "", form, Problems())).tags == ("PRON", "VERB")
    assert "lists of their tags in 'pos_tags'" in form.description()
    with pytest.raises(UserError, match="--set tag=lemma is not a column; expected one of tokens"):
        find_tag_form(path, "pos.jsonl", None, "lemma")
    path = tmp_path / "a.conll"
    path.write_text("a X\n")
    for given in ({"word": "form"}, {"tag": "lemma"}):
        with pytest.raises(UserError, match=r"is not a column of a\.conll"):
            find_tag_form(path, "a.conll", **given)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.jsonl", '{"tokens": ["a", "b"], "tags": ["O"]}', "line 21: 2 words and 1 tag;"),
        ("a.jsonl", '{"tokens": [], "tags": []}', "line 21: 'tokens' holds no list of words"),
        ("a.jsonl", '{"tokens": ["a"], "tags": 3}', "line 21: 1 word and 0 tags"),
        ("b.jsonl", '{"text": "ab", "entities": [[0, 9, "x"]]}', "line 21: the span 0 to 9"),
        ("b.jsonl", '{"text": "a b c", "entities": [[0, 3, "x"], [2, 5, "y"]]}', "overlap"),
        ("b.jsonl", '{"text": "a  b", "entities": [[1, 3, "x"]]}', "holds no word"),
        ("b.jsonl", '{"text": "a b", "entities": "x"}', "holds no list of spans"),
        ("c.txt", "It/P is", "line 21: 'is' has no tag; expected word/TAG"),
        ("d.csv", "4,,O", "line 22: the word in column 'word' is empty"),
        ("d.csv", "4,a,", "line 22: the tag of 'a' in column 'tag' is empty"),
    ],
)
def test_bad_sentences_are_told_with_their_line(tmp_path, name, text, expected):
    good = {
        "a": '{"tokens": ["a", "b"], "tags": ["O", "B-x"]}\n' * 20,
        "b": '{"text": "a b c", "entities": [[0, 1, "x"]]}\n' * 20,
        "c": "It/P is/V old/A\n" * 20,
        "d": "sentence,word,tag\n" + "".join(f"{n % 2},a,O\n" for n in range(20)),
    }[name[0]]
    path = tmp_path / name
    path.write_text(good + text + "\n")
    form = find_tag_form(path, name)
    with pytest.raises(UserError, match=expected) as caught:
        list(read_form(path, name, form, Problems()))
    assert "\n" not in str(caught.value)
    problems = Problems(skip=True)
    assert len(list(read_form(path, name, form, problems))) == 20
    assert problems.count == 1


def test_a_lost_row_takes_its_sentence_and_what_it_may_have_begun(tmp_path):
    rows = kaggle().encode().split(b"\n")
    rows[6] = rows[6].replace(b"He", b"H\xe9")  # begins the second sentence
    path = tmp_path / "a.csv"
    path.write_bytes(b"\n".join(rows))
    problems = Problems(skip=True)
    found = list(read_form(path, "a.csv", find_tag_form(path, "a.csv"), problems))
    assert len(found) == 10
    assert [(s.words, s.tags) for s in found] == SENTENCES[2:]


def test_words_that_a_span_cuts_are_told(tmp_path):
    path = tmp_path / "cut.jsonl"
    rows = [{"text": "in Berlinale", "entities": [[3, 9, "place"]]}] * 4
    path.write_text("\n".join(map(json.dumps, rows)))
    told = []
    read_data(str(path), TagSettings(), told.append)
    assert any("4 words" in each and "'Berlinale' in line 1" in each for each in told)


def test_predictions_are_written_as_their_file_is():
    sentence = SENTENCES[0]
    words = Sentence(sentence[0])
    assert tagged_lines(words, sentence[1], SlashForm("/")) == [slashed("/").split("\n")[0]]
    form = TableForm("lists", ("tokens", "tags"), False, 0, 1)
    assert tagged_lines(words, sentence[1], form)[0] == "She\tO"


def test_every_form_is_known_by_its_content(form_file):
    if form_file.suffix == ".pos" or form_file.name == "slash.txt":  # may be meant as a text
        with pytest.raises(UserError, match=r"each word with its tag.*--task tag"):
            guess_task(str(form_file), {})
    else:
        assert guess_task(str(form_file), {})[0] == "tag"


def test_further_sentences_are_read_in_the_columns_of_the_run(tmp_path, caplog):
    path = tmp_path / "new.jsonl"

    def form(text, word="tokens", tag="tags", **options):
        path.write_text(text)
        return inherited_form(path, path.name, word, tag, universal=False, **options).settings()

    assert form(json_lines("tokens", "tags")) == ("tokens", "tags") and not caplog.text
    for word, tag in (("forms", "labels"), ("words", "ner_tags")):
        with pytest.raises(UserError, match=f"{word}, {tag}; the run reads its word in"):
            form(json_lines(word, tag))
    assert form(json_lines("words", "tags")) == ("words", "tags")
    assert "column 'words' is read as the word (change by --set word=COLUMN)" in caplog.text
    with pytest.raises(UserError, match="the run reads its word in column 'tokens'"):
        form(json_lines("words", "tags"), named={"word"})
    text = json.dumps({"no": 1, "body": "Ann saw Rome"}) + "\n"
    assert form(text, tagged=False) == ("body", None)
