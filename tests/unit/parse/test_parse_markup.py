"""HTML as lines of cells: what a tag becomes, what is left out, and that neither depends on how it is written."""

import pytest

from afpd.parse.markup import MAX_MARKUP, of_html
from afpd.parse.monsters import MAX_TAGS, is_monstrous
from afpd.parse.styles import hidden_names

ROWS = "<table><tr><td>Monto</td><td>CRC 1.00</td></tr><tr><td>Comercio</td><td>SODA</td></tr></table>"


def test_a_row_is_a_line_and_its_cells_are_parted_by_tabs() -> None:
    assert of_html(ROWS).body == "Monto\tCRC 1.00\nComercio\tSODA"


def test_blanks_and_blocks_at_the_edge_of_a_cell_change_nothing() -> None:
    spaced = (
        ROWS.replace("<td>", "\n <td>\n  <p>&nbsp;").replace("</td>", " </p>\n </td>\n").replace("<tr>", "\n<tr>\t")
    )
    assert of_html(spaced).body == of_html(ROWS).body


def test_a_row_with_other_tables_in_it_gives_the_lines_of_its_cells() -> None:
    frame = f"<table><tr><td>Hola</td><td>{ROWS}</td><td>fin</td></tr></table>"
    assert of_html(frame).body == f"Hola\n{of_html(ROWS).body}\nfin"


def test_labels_and_values_in_two_tall_cells_make_pairs() -> None:
    assert of_html("<table><tr><td>Monto<br>Comercio</td><td>5.00<br>SODA</td></tr></table>").body == (
        "Monto\t5.00\nComercio\tSODA"
    )


def test_an_empty_cell_keeps_its_place_beside_tall_ones() -> None:
    assert of_html("<table><tr><td>&nbsp;</td><td>a<br>b</td></tr></table>").body == "\ta\nb"


@pytest.mark.parametrize(
    "inner", ["<p>x</p>", "<div><div>x</div></div>", "x<br>y", "<style>x</style>", "<!-- > --><b>x</b>"]
)
def test_what_a_hidden_element_holds_is_left_out_up_to_its_own_end(inner: str) -> None:
    assert of_html(f'a <div style="display:none">{inner}</div>b').body == "a b"


def test_a_hidden_element_without_content_hides_nothing_behind_it() -> None:
    assert of_html('a<img style="display:none">b<br hidden>c').body == "abc"


def test_a_style_sheet_can_hide_the_whole_document() -> None:
    sheet = "<style>.x{display:none}</style>"
    assert of_html(f'<html class="x"><head>{sheet}</head><body>a</body></html>').is_blank
    assert of_html(f'<html class="y"><head>{sheet}</head><body>a</body></html>').body == "a"


@pytest.mark.parametrize("name", ["style", "script", "noembed", "noframes", "xmp", "iframe"])
def test_tags_in_an_element_that_nobody_reads_are_no_tags(name: str) -> None:
    assert of_html(f"<p>a</p><{name}><td>1.00</td><div style='display:none'></{name}><p>b</p>").body == "a\nb"


def test_breaks_count_in_preformatted_text_and_nowhere_else() -> None:
    assert of_html("<div>a\nb</div><pre>c\nd</pre>e\nf").body == "a b\nc\nd\ne f"


def test_a_sign_in_the_name_of_a_tag_hides_nothing() -> None:
    assert of_html("<p>a</p><b<c>b</b<c><p>c</p>").body == "a\nb\nc"


def test_escaped_signs_are_text_and_no_tags() -> None:
    assert of_html("a &lt;td&gt; b &amp;lt; c &gt; d").body == "a <td> b &lt; c > d"


def test_html_that_grows_when_it_is_written_out_is_cut_and_says_so() -> None:
    text = of_html("a " + "&" * MAX_MARKUP)
    assert text.cut
    assert text.body.startswith("a &&&")


def test_links_open_at_once_are_monstrous_and_links_in_a_row_are_not() -> None:
    one_by_one = "<p><a href=x>y</a>" * (MAX_TAGS // 4)
    assert not is_monstrous(one_by_one)
    assert is_monstrous(one_by_one.replace("</a>", ""))


def test_rules_of_every_sheet_count_the_later_before_the_earlier() -> None:
    first, second = "<style>.a,.b{display:none}</style>", "<STYLE type=x>.a{display:block} .c{display:none}</STYLE>"
    assert hidden_names(f"{first}<p>x</p>{second}") == {".b", ".c"}
