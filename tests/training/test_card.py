"""The model card says what the run recorded."""

from unroll.training.card import model_card

CONFIG = {
    "task": "tag",
    "unroll": "0.2",
    "torch": "2.10",
    "settings": {"hidden": 8, "dropout": None, "cell_options": {}},
    "data": {"path": "/home/me/secret.txt", "sha256": "ab12", "validation_set": "the last tenth"},
}


def test_settings_and_data_are_rows_without_the_path_and_what_was_left_open():
    card = model_card(CONFIG, None)
    assert card.startswith("# A recurrent tag model\n") and card.endswith("\n")
    assert "| data | SHA-256 `ab12` |" in card and "| hidden | 8 |" in card
    assert "| validation set | the last tenth |" in card
    assert "secret" not in card and "dropout" not in card and "cell_options" not in card
    assert "Training has not ended." in card


def test_a_finished_run_has_its_summary():
    card = model_card(CONFIG, {"steps": 1200, "seconds": 3.5}, ["F1 0.9", "baseline 0.5"])
    assert "Trained 1,200 steps in 3.5 s." in card
    assert "```text\nF1 0.9\nbaseline 0.5\n```" in card


def test_labels_cannot_break_the_table_or_hold_markup():
    odd = "a|b <script>x</script> ![i](http://x) \x1b[31m `c`\n| d | e |"
    config = CONFIG | {"data": {"sha256": "ab", "classes": [odd]}, "settings": {"label": odd}}
    card = model_card(config, {"steps": 1, "seconds": 1}, ["label ``` <b> \x1b"])
    assert "<script>" not in card and "\x1b" not in card and "](http" not in card
    rows = [line for line in card.split("\n") if line.startswith("|")]
    assert all(line.replace("\\|", "").count("|") == 3 for line in rows) and len(rows) == 5
    assert card.count("```") == 2
