from unroll.learn.words import as_html, as_terminal_text


def test_markdown_fits_a_terminal():
    text = as_terminal_text("word " * 40 + "\n\n- a [link](https://a.org/b) and `code`\n", 40)
    assert max(map(len, text.splitlines())) <= 40
    assert "link: https://a.org/b" in text and "•" in text and "**" not in text


def test_markdown_as_html_escapes_what_is_html():
    html = as_html("<script>x</script> **a**\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")
    assert "<script>" not in html and "<strong>a</strong>" in html and "<td>1</td>" in html
