"""Padded sequences, and what a decoder reads and predicts."""

from unroll.data.padding import decoder_targets, pad_sequences
from unroll.data.vocabulary import BOUNDARY


def test_sequences_end_with_the_boundary_and_are_padded_with_it():
    ids, lengths = pad_sequences([[5, 6, 7], [8]])
    assert ids.t().tolist() == [[5, 6, 7, BOUNDARY], [8, BOUNDARY, BOUNDARY, BOUNDARY]]
    assert lengths.tolist() == [4, 2] and ids.is_contiguous()


def test_inputs_are_the_targets_one_step_late():
    inputs, target, weight, lengths = decoder_targets([[5, 6], []])
    assert target.t().tolist() == [[5, 6, BOUNDARY], [BOUNDARY] * 3]
    assert inputs.t().tolist() == [[BOUNDARY, 5, 6], [BOUNDARY] * 3]
    assert weight.t().tolist() == [[True, True, True], [True, False, False]]
    assert weight.sum(0).tolist() == lengths.tolist()
