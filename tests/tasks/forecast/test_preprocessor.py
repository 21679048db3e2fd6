"""The preprocessor comes back from its files."""

from unroll.tasks.forecast.preprocessor import ForecastPreprocessor
from unroll.training.files import write_folder


def test_it_comes_back_from_its_files(tmp_path, walk, table_of, learned):
    preprocessor = learned(table_of(walk), 40)
    write_folder(tmp_path / "run", preprocessor.files())
    assert ForecastPreprocessor.load(tmp_path / "run") == preprocessor
