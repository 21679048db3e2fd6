from unroll.inspect.task_pictures.finding import marked_differences, percent, shown_of


def test_words_that_differ_are_marked():
    assert marked_differences("a b c", "a c <d>") == (
        "a <del>b</del> c",
        "a c <ins>&lt;d&gt;</ins>",
    )
    assert marked_differences("zlv", "zv") == ("z<del>l</del>v", "zv")
    assert marked_differences("", "zv") == ("", "<ins>zv</ins>")


def test_samples_are_told():
    assert shown_of(3, 3, "texts") == {"texts": "3"}
    assert shown_of(3, 9, "texts") == {"texts": "3 of 9, evenly spread"} and percent(0.5) == "50.0%"
