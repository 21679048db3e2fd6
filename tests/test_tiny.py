"""The whole promise in about twenty seconds: a step, a sequence, a layer, a run."""

import torch

import unroll


class MinimalGatedCell(unroll.Cell):  # Zhou et al. 2016
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.forget = torch.nn.Linear(input_size + hidden_size, hidden_size)
        self.candidate = torch.nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x, h):
        f = torch.sigmoid(self.forget(torch.cat([x, h], 1)))
        n = torch.tanh(self.candidate(torch.cat([x, f * h], 1)))
        h = (1 - f) * h + f * n
        return h, h


def test_a_step_runs_over_time_as_the_equations_say():
    cell, x = MinimalGatedCell(3, 4), torch.randn(5, 2, 3)
    output, last = unroll.unroll(cell, x, backend="loop")
    h = torch.zeros(2, 4)
    for t in range(5):
        _, h = cell(x[t], h)
    assert torch.equal(last, h) and torch.equal(output[-1], h)
    fast, fast_last = unroll.unroll(cell, x)  # compiled, where there is a compiler
    torch.testing.assert_close((fast, fast_last), (output, last))


def test_any_cell_is_a_full_layer():
    layer = unroll.Recurrent(MinimalGatedCell, 3, 4, num_layers=2, bidirectional=True)
    output, state = layer(torch.randn(5, 3, 3), lengths=[5, 2, 0])
    assert output.shape == (5, 3, 8) and state.shape == (4, 3, 4)
    assert (output[2:, 1] == 0).all() and (state[:, 2] == 0).all()


def test_the_standard_layer_is_torchs():
    torch_layer, layer = torch.nn.LSTM(3, 4, 2), unroll.LSTM(3, 4, 2)
    layer.load_state_dict(torch_layer.state_dict())
    x = torch.randn(5, 2, 3)
    expected, _ = torch_layer(x)
    for backend in ("torch", "loop"):
        assert torch.allclose(layer(x, backend=backend)[0], expected, atol=1e-6)


def test_a_text_becomes_a_model_that_is_used(tmp_path, monkeypatch):
    text = tmp_path / "rose.txt"
    text.write_text("a rose is a rose is a rose.\n" * 300)
    run = unroll.train(text, tmp_path / "run", steps=150, hidden=64, seed=3)

    assert run.score("a rose")["log_probability"] > run.score("a sore")["log_probability"]
    assert run.next("a ros")[0]["token"] == "e"
    assert "rose" in run.generate("a ", 40, temperature=0.5, seed=1)
    assert run.result()["nats_per_token"] < run.result()["baselines"]["unigram"]["nats_per_token"]

    again = unroll.load((tmp_path / "run").rename(tmp_path / "moved"))
    assert again.score("a rose") == run.score("a rose")
