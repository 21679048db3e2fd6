"""The program of an exported language run gives what the run gives."""

import pytest

from unroll.export.onnx.run import load_program


@pytest.mark.parametrize("name", ["characters", "alone", "words", "sentences", "names"])
def test_next_tokens_are_those_of_the_run(exported, language_runs, name):
    folder, run = exported["language", name].path, language_runs[name]
    model = load_program(folder / "predict.py").ExportedLanguageModel(folder)
    condition = "m" if name == "names" else None
    texts = (
        ["", "a", "an"]
        if name == "names"
        else ["", "The ap", 'A rose is a rose: "is it?"\n\nO', "X Zz"]
    )
    for text in texts[: 3 if run.vocabulary.level == "char" else None]:
        expected, found = run.next(text, 99, condition), model.next(text, 99, condition)
        assert expected[0]["token"] == found[0]["token"] and len(expected) == len(found)
        one, two = ([row["probability"] for row in rows] for rows in (expected, found))
        assert one == pytest.approx(two, abs=1e-5)


@pytest.mark.parametrize("name", ["characters", "words"])
def test_the_most_likely_text_is_that_of_the_run(exported, language_runs, name):
    folder, run = exported["language", name].path, language_runs[name]
    model = load_program(folder / "predict.py").ExportedLanguageModel(folder)
    expected = run.generate("The apple", 20, temperature=0)
    assert "The apple" + "".join(model.generate("The apple", 20, 0.0)) == expected


def test_a_model_of_lines_ends(exported):
    folder = exported["language", "names"].path
    model = load_program(folder / "predict.py").ExportedLanguageModel(folder)
    assert all(len("".join(model.generate("a", 200, 1.0, "f"))) < 200 for _ in range(3))


def test_states_are_not_changed_and_pieces_are_as_the_whole(exported):
    folder = exported["language", "characters"].path
    model = load_program(folder / "predict.py").ExportedLanguageModel(folder)
    ids = model.about["start"] + model.encode("The apple")
    whole, _ = model.read(ids, model.start())
    _, state = model.read(ids[:4], model.start())
    one, _ = model.read(ids[4:], state)
    two, _ = model.read(ids[4:], state)
    assert one == pytest.approx(whole, abs=1e-6) and (one == two).all()
