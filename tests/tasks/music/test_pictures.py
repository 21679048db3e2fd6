import pytest

import unroll
from unroll.tasks.music.abc_playback import abc_score
from unroll.tasks.music.pictures import header_prompt, note_roll, shown_tunes


def test_tunes_and_their_surprise(tmp_path, monkeypatch, book):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = book(tmp_path / "book.abc", 24)
    run = unroll.train(
        path, "run", task="music", hidden=6, steps=3, threads=1, backend="loop", quiet=True,
        refit=False,
    )  # fmt: skip
    data = run.task.read(path, run.recorded, print, run.preprocessor)
    rolls, text = shown_tunes(run.trained, data, lambda share: None)
    assert rolls.prompt == header_prompt(data.valid[0].text) and rolls.prompt.startswith("M:4/4 K:")
    score = abc_score(data.valid[0].text)
    assert rolls.rolls[0].notes[0] == tuple(map(float, score.notes[0]))
    assert "".join(text.tokens) == data.valid[0].text
    said = run.predict(data.valid[0].text)
    assert sum(text.nats) == pytest.approx(said["nats"], abs=0.5)  # without the end of the tune
    worst = max(range(len(text.nats)), key=lambda k: text.nats[k])
    assert text.nats[worst] == pytest.approx(said["least_expected"][0]["nats"], abs=1e-5)
    assert text.samples[0].text == run.generate(rolls.prompt, 300, temperature=1.0, seed=1)


def test_only_the_first_bars_are_shown(tune):
    score = abc_score(tune(body="GABc" * 60))
    roll = note_roll(score, "long")
    assert roll.bar == 4.0 and max(start for start, *_ in roll.notes) < 64
