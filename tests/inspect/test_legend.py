from unroll.inspect.legend import heading_lines, legend_height, legend_places


def test_entries_stand_side_by_side_as_far_as_they_fit():
    places = legend_places(["one", "two", "three"], 200)
    assert [row for _, row, _ in places] == [0, 0, 1]
    assert places[1][0] > places[0][0] + 32 and places[2][0] == 8
    assert legend_height(["one", "two", "three"], 200) == 40 and legend_height([], 200) == 0


def test_an_entry_and_a_heading_that_are_too_wide_stay_in_the_picture():
    ((x, _, words),) = legend_places(["w" * 100], 360)
    assert x == 8 and len(words) * 7.2 < 360
    lines = heading_lines("share of the gradient that remains going back over the steps", 360)
    assert len(lines) == 2 and all(len(line) * 7.2 <= 360 for line in lines)
    assert heading_lines("", 360) == [""]
