from unroll.inspect.summary_table import cells_of, name_of, summary_html, tables_of, value_of

LINES = [
    "On every tenth line, 40 texts:",
    "  this model           accuracy 97.50%  macro F1 0.9000  loss 0.0082 nats",
    "  most frequent class  accuracy 47.50%  macro F1 0.3220  loss 0.7110 nats",
    "Most are right.",
    "  class  precision   recall  records",
    "  neg      100.00%   95.00%       19",
]


def test_aligned_lines_are_tables_and_others_sentences():
    page = summary_html(LINES)
    assert page.count("<table>") == 2 and page.count("<p>") == 2
    assert '<tr class="own"><th scope="row">this model</th><td>97.50%</td>' in page
    assert '<th scope="col">macro F1</th>' in page and '<th scope="col">loss nats</th>' in page
    assert "<td>0.7110</td>" in page and '<th scope="col">recall</th>' in page
    assert summary_html(["a <b>:", "  one", "  two"]) == (
        "<p>a &lt;b&gt;:</p><ul><li>one</li><li>two</li></ul>"
    )


def test_lines_with_other_columns_are_another_table():
    rows = [cells_of("  LOC  F1 90.00  20 spans"), cells_of("  model  F1 80.00")]
    assert list(tables_of(rows)) == [
        [["", "F1", "spans"], ["LOC", "90.00", "20"]],
        [["", "F1"], ["model", "80.00"]],
    ]


def test_names_and_numbers_are_told_apart():
    assert cells_of("  it   accuracy on unknown words   0.0%") == [
        "it", "accuracy on unknown words 0.0%",
    ]  # fmt: skip
    assert (name_of("macro F1 1.0000"), value_of("macro F1 1.0000")) == ("macro F1", "1.0000")
    assert (name_of("0.539 bits per character"), value_of("sMAPE 4.25 %")) == (
        "bits per character", "4.25 %",
    )  # fmt: skip
    assert value_of("F1") is None
