"""`unroll data check`: facts, and exit code 1 where records are bad."""

import json


def test_facts_are_printed_as_lines_and_as_json(place, printed):
    got = printed("data", "check", "poems.txt")
    assert "task: language" in got.out and "read for the task language" in got.err
    facts = json.loads(printed("data", "check", "poems.txt", "--json").out)
    assert facts["task"] == "language" and not facts.get("problems")


def test_bad_records_are_counted_and_end_with_1(place, printed, tmp_path):
    path = tmp_path / "reviews.csv"
    rows = "".join(f"a film of {n},{'ab'[n % 2]}\n" for n in range(20))
    path.write_text(f"text,label\n{rows},a\n")
    facts = json.loads(printed("data", "check", "classify", path, "--json", code=1).out)
    assert facts["task"] == "classify" and any("line 22" in each for each in facts["problems"])


def test_wrong_words_are_refused(place, printed):
    refused = printed("data", "check", "tag", "poems.txt", "--horizon", "3", code=2).err
    assert "--horizon is a setting of the task forecast" in refused
    assert "--seconds" in printed("data", "check", "poems.txt", "--seconds", "3", code=2).err
