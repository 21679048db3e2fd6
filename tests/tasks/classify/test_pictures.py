import numpy as np

import unroll
from unroll.tasks.classify.metrics import predict_probabilities
from unroll.tasks.classify.pictures import classified_records


def test_every_validation_record_has_its_text_and_probabilities(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rows = [f"{('good', 'bad')[n % 2]} film {n % 9},{('pos', 'neg')[n % 2]}" for n in range(60)]
    (tmp_path / "films.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
    run = unroll.train("films.csv", "run", hidden=4, steps=2, threads=1, backend="loop", quiet=True)
    data = run.task.read("films.csv", run.recorded, print, run.preprocessor)
    (found,) = classified_records(run.trained, data, lambda share: None)
    assert list(found.names) == list(data.valid.texts) and found.of == len(data.valid)
    expected = predict_probabilities(run.model, data.valid, run.device)
    np.testing.assert_allclose(found.probabilities, expected)
    for name, p in zip(found.names, found.probabilities, strict=True):
        said = run.predict(name)["probabilities"]
        assert [round(said[c], 5) for c in found.classes] == [round(float(q), 5) for q in p]
