import json

from unroll.inspect import gradients_of_cells
from unroll.inspect.gradient_section import gradient_section


def test_large_states_and_long_sequences_are_sampled_and_the_page_says_so():
    found = gradients_of_cells(["rnn"], length=300, hidden=65, batch=1)
    section = gradient_section(found, found.flows, found.verdicts())
    data = section.data
    assert len(data["unit_steps"]) == 256 and data["unit_steps"][-1] == 299
    assert len(data["units"][0]["values"][0]) == 64 and "64 of 65" in section.parts["unit_sample"]


def test_the_data_of_the_page_are_those_of_the_flows():
    found = gradients_of_cells(["lstm"], length=5, hidden=3, batch=1)
    section = gradient_section(found, found.flows, found.verdicts())
    assert section.title == found.title and section.data["last"] == 4
    assert [curve["label"] for curve in section.data["curves"]] == ["lstm h", "lstm c"]
    expected = [float(f"{norm:.3e}") for norm in found.flows[0].norms["c"]]
    assert section.data["curves"][1]["norms"] == expected
    json.dumps(section.data, allow_nan=False)
