import numpy as np

import unroll
from unroll.tasks.translate.pictures import translated_texts


def test_outputs_are_those_of_predict(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    pairs = [f"a{n % 5} b{n % 3}\tB{n % 3} A{n % 5}" for n in range(60)]
    (tmp_path / "pairs.tsv").write_text("\n".join(pairs) + "\n")
    run = unroll.train(
        "pairs.tsv", "run", task="translate", level="word", hidden=4, embedding=4, steps=2,
        threads=1, backend="loop", quiet=True,
    )  # fmt: skip
    data = run.task.read("pairs.tsv", run.recorded, print, run.preprocessor)
    (found,) = translated_texts(run.trained, data, lambda share: None)
    for each in found.texts[:3]:
        said = run.predict(each.source)
        assert said["translation"] == each.output and said["origin"] == each.origin
        np.testing.assert_allclose(each.attention, said["attention"], atol=1e-3)
        assert 0 <= each.quality <= 1
