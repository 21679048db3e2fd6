from pathlib import Path

from unroll.in_memory.wording import Wording, Wordings
from unroll.run.worded_report import WordedReport
from unroll.training.report import QuietReport


def test_sentences_are_in_the_words_of_the_data():
    told = []

    class Kept(QuietReport):
        def log(self, message):
            told.append(message)

    kept = Kept()
    report = WordedReport(kept, Wordings((Wording(Path("/t/a.csv"), "list", "row", 2, [2, 3]),)))
    report.log("/t/a.csv is read.")
    report.unit = "texts"
    report.step({}, 0.5, 1.0)
    report.evaluation(1, {}, True, None)
    report.close()
    assert told == ["The list of 2 rows is read."] and kept.unit == report.unit == "texts"
