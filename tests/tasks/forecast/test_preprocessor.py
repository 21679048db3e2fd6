"""The preprocessor comes back from its files."""

from unroll.tasks.forecast.preprocessor import ForecastPreprocessor


def test_it_comes_back_from_its_files(tmp_path, walk, table_of, learned):
    preprocessor = learned(table_of(walk), 40)
    for name, content in preprocessor.files().items():
        (tmp_path / name).write_bytes(content)
    assert ForecastPreprocessor.load(tmp_path) == preprocessor
