"""What every run has, whatever its task: shown on a small classifier that is trained once."""

import shutil

import pytest

import unroll
from unroll.errors import UserError
from unroll.tasks.recorded_run import baselines_of

OPTIONS = {"steps": 3, "hidden": 6, "threads": 1, "backend": "loop", "quiet": True}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    words = ["fine", "poor"]
    rows = "".join(f"the film was {words[n % 2]} {n},{words[n % 2]}\n" for n in range(60))
    (folder / "reviews.csv").write_text("text,label\n" + rows)
    unroll.train(folder / "reviews.csv", folder / "run", **OPTIONS)
    return folder


@pytest.fixture
def folder(trained, tmp_path, monkeypatch):
    shutil.copytree(trained / "run", tmp_path / "run")
    shutil.copy(trained / "reviews.csv", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "run"


def test_inputs_have_a_prediction_each_in_order(folder):
    run = unroll.load(folder)
    texts = ["fine film", "poor"]
    both = run.predict(texts)
    assert [each["text"] for each in both] == texts
    assert run.predict("poor") == run.predict(["poor"])[0]
    iterator = run.predict_iterator(iter(texts))
    assert next(iterator)["text"] == "fine film"
    assert run.format_prediction(both[0]).startswith(both[0]["label"])
    assert len(list(run.predict_file("reviews.csv"))) == 60


def test_metrics_are_those_of_the_data_with_progress_and_a_summary(folder):
    run, shares = unroll.load(folder), []
    metrics = run.evaluate("reviews.csv", progress=shares.append)
    assert metrics["records"] == 60 and metrics["baselines"]
    assert all(0 <= share <= 1 for share in shares)
    assert "reviews.csv" in run.summarise(metrics, "reviews.csv")[0]
    with pytest.raises(
        UserError, match="--video got 'x', a column that a run of the task classify"
    ):
        run.evaluate("reviews.csv", video="x")


def test_only_settings_of_use_are_adjusted_and_the_folder_keeps_its_own(folder):
    run = unroll.load(folder)
    run.adjust(skip_bad=True)
    assert run.settings.skip_bad and not run.recorded.skip_bad
    with pytest.raises(UserError, match=r"--set got hidden=\.\.\., which cannot be changed"):
        run.adjust(hidden=3)
    assert not unroll.load(folder).settings.skip_bad


def test_what_to_type_next_names_the_folder(folder):
    moved = folder.rename(folder.with_name("my run"))
    lines = unroll.load(moved).usage()
    assert any(line.split()[0:2] == ["unroll", "predict"] and "'" in line for line in lines)
    assert "LSTMCell" in unroll.load(moved).explain() or "GRUCell" in unroll.load(moved).explain()
    assert unroll.load(moved).explanations()[0]["backend"]


def test_a_task_that_draws_nothing_says_so(folder):
    with pytest.raises(UserError, match="draws nothing"):
        unroll.load(folder).plot("reviews.csv")


def test_damaged_weights_are_those_of_the_checkpoint_with_a_warning(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    run = unroll.load(folder)
    assert "The weights of step-000000003 are used instead." in run.warnings[0]
    shutil.rmtree(folder / "checkpoints")
    with pytest.raises(UserError, match=r"has no undamaged weights: .* Train it again"):
        unroll.load(folder)


def test_a_damaged_preprocessor_is_named_and_a_lost_result_is_not_missed(folder):
    (folder / "result.json").unlink()
    assert unroll.load(folder).result() == {}
    name = sorted(unroll.load(folder).preprocessor.files())[0]
    (folder / name).write_bytes(b"{}")
    with pytest.raises(UserError, match=rf"is damaged: .*{name}"):
        unroll.load(folder)


def test_baselines_are_not_needed_to_load(folder):
    names = baselines_of(unroll.load(folder).folder)
    for name in names:
        (folder / name).unlink(missing_ok=True)
    assert unroll.load(folder).predict("fine")["label"]
    with pytest.raises(UserError, match="The baseline of the run is damaged"):
        unroll.load(folder).evaluate("reviews.csv")


@pytest.mark.parametrize(
    "method", ["generate", "stream", "next", "score", "read", "state_from_bytes"]
)
def test_what_only_language_models_can_do_is_refused_in_a_sentence(folder, method):
    with pytest.raises(UserError, match=f"a run of the task classify, which has no {method}; exp"):
        getattr(unroll.load(folder), method)("a text")
