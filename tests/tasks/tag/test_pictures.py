import unroll
from unroll.tasks.tag.pictures import tagged_sentences


def test_sentences_have_the_tags_of_predict(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "tags.conll").write_text("the\tDET\ncat\tNOUN\nruns\tVERB\n\n" * 30)
    run = unroll.train(
        "tags.conll", "run", task="tag", hidden=4, steps=2, threads=1, backend="loop", quiet=True
    )
    data = run.task.read("tags.conll", run.recorded, print, run.preprocessor)
    (found,) = tagged_sentences(run.trained, data, lambda share: None)
    assert found.of == len(data.valid) and found.types == {}
    for each in found.sentences[:2]:
        assert run.predict(" ".join(each.words))["tags"] == list(each.predicted)
        assert list(each.actual) == ["DET", "NOUN", "VERB"]
