"""`unroll explain` on a small run."""

import json


def test_it_names_the_backend_and_shows_the_plan(place, printed):
    out = printed("explain", "runs/poems").out
    assert "LSTMCell runs on the " in out.splitlines()[0]
    assert "c' = f * c + i * g" in out
    assert out.count("once per call, from the parameters alone") == 1


def test_as_json(place, printed):
    parts = json.loads(printed("explain", "runs/poems", "--json").out)
    for part in parts:
        assert {"layer", "cell", "backend", "why", "refusal"} <= set(part)
        assert part["backend"] in ("cpu", "torch", "loop") and part["cell"] == "LSTMCell"
        assert (part["stages_forward"], part["stages_backward"]) == (1, 2)
        assert part["saved"] == 6 * part["units"]
        assert part["multiplied_in_loop"] == 4 * part["units"] ** 2
