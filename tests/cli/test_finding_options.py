from unroll.cli.finding_options import given_flags, given_values


def test_only_what_was_given_is_named():
    assert given_values(a=1, b=None, c=0) == {"a": 1, "c": 0}
    assert given_flags(steps=3, near=["a", "b"], device=None) == [
        "--steps", "3", "--near", "a", "--near", "b"
    ]  # fmt: skip
