"""A bank file is checked as a whole and proves itself, or it is not used."""

from pathlib import Path

import pytest

from afpd.banks import BankSource, in_folder, shipped
from afpd.errors import ConfigError, TemplateError
from afpd.parse.library import load_library

GOOD = """\
format = 1

[bank]
code = "xx-uno"
name = "Uno"
country = "CR"
currency = "CRC"
zone = "America/Costa_Rica"
domains = ["uno.example"]

[[sender]]
address = "Avisos@uno.example"

[[template]]
name = "card"
must = ['compra en']
dates = ["dmy"]
currency = "CRC"
kind = "purchase"
direction = "debit"
sentence = ['compra en (?P<merchant>.+) por (?P<amount>{{number}}) el (?P<date>{{date}})']

[[template.sample]]
received = 2026-01-02T12:00:00Z
text = "Compra en LA ESPIGA por 1,500.00 el 01/01/2026."

[[template.sample.expect]]
kind = "purchase"
direction = "debit"
status = "approved"
amount = "1500.00"
currency = "CRC"
occurred_at = "2026-01-01"
dated_by = "body"
merchant = "LA ESPIGA"

[[template.sample]]
received = 2026-01-03T12:00:00Z
text = "Compra en TIENDA por X por 20.50 el 02/01/2026."

[[template.sample.expect]]
kind = "purchase"
direction = "debit"
status = "approved"
amount = "20.50"
currency = "CRC"
occurred_at = "2026-01-02"
dated_by = "body"
merchant = "TIENDA por X"

[[refusal]]
received = 2026-01-03T12:00:00Z
text = "Cada compra en diciembre participa por 1,000.00."
"""


def complaints(text: str) -> list[str]:
    with pytest.raises(TemplateError) as caught:
        load_library([BankSource("uno.toml", text)])
    return str(caught.value).split("\n")


def line_with(text: str, words: str) -> int:
    return next(number for number, line in enumerate(text.split("\n"), 1) if words in line)


def test_a_bank_file_that_proves_is_loaded() -> None:
    library = load_library([BankSource("uno.toml", GOOD)])
    assert library.senders == ("avisos@uno.example",)
    assert library.domains == ("uno.example",)


def test_every_mistake_is_told_at_once_with_its_line() -> None:
    text = GOOD.replace('zone = "America/Costa_Rica"', 'zone = "Mars"').replace(
        'kind = "purchase"', 'kind = "shopping"', 1
    )
    text = text.replace('currency = "CRC"\nkind', 'curency = "CRC"\nkind')
    told = complaints(text)
    assert any(one.startswith(f"uno.toml:{line_with(text, 'Mars')}: bank.zone") for one in told)
    assert any(f":{line_with(text, 'shopping')}:" in one for one in told)
    assert any(f":{line_with(text, 'curency')}:" in one and "did you mean currency?" in one for one in told)


@pytest.mark.parametrize("pattern", ["compra en (", "Compra en", "compra é", r"(a)\1", "(?=x)"])
def test_a_pattern_that_re2_refuses_or_that_cannot_match_folded_text_is_told(pattern: str) -> None:
    assert any("must" in one for one in complaints(GOOD.replace("'compra en']", f"'{pattern}']")))


def test_a_sample_that_reads_otherwise_is_told_with_the_field() -> None:
    (told,) = complaints(GOOD.replace('amount = "20.50"', 'amount = "20.51"'))
    assert "sample 2" in told
    assert "amount is '20.50' instead of '20.51'" in told


def test_a_refusal_that_is_read_is_told() -> None:
    told = complaints(GOOD.replace("participa por 1,000.00.", "por 1,000.00 el 01/01/2026."))
    assert told[0].endswith("refusal 1: template card reads it")


def test_one_sample_is_not_enough() -> None:
    start = GOOD.rindex("[[template.sample]]")
    assert "2 samples at least" in complaints(GOOD[:start])[0]


def test_two_templates_that_read_one_sample_differently_do_not_prove() -> None:
    second = GOOD[GOOD.index("[[template]]") : GOOD.index("[[refusal]]")]
    second = second.replace('name = "card"', 'name = "cash"').replace('kind = "purchase"', 'kind = "withdrawal"')
    assert any("differently" in one for one in complaints(GOOD + second))


def test_a_field_that_nothing_fills_is_told() -> None:
    assert (
        "nothing fills reader"
        in complaints(GOOD.replace('dates = ["dmy"]', 'dates = ["dmy"]\nrequired = ["reader"]'))[0]
    )


def test_of_two_files_with_one_code_the_later_counts() -> None:
    later = GOOD.replace("Avisos@", "nuevo@")
    assert load_library([BankSource("a", GOOD), BankSource("b", later)]).senders == ("nuevo@uno.example",)


def test_an_address_belongs_to_one_bank() -> None:
    other = BankSource("dos.toml", GOOD.replace("xx-uno", "xx-dos"))
    with pytest.raises(TemplateError, match="is a sender of both"):
        load_library([BankSource("uno.toml", GOOD), other])


def test_a_file_that_is_no_toml_is_told_by_name() -> None:
    assert complaints("format = ")[0].startswith("uno.toml:1: ")


def test_the_shipped_files_prove_and_hold_samples_and_refusals() -> None:
    library = load_library(shipped())
    assert len(library.banks) == len(shipped())
    assert all(source.text.count("[[refusal]]") >= 2 for source in shipped())
    assert "notificacionesotp_cri@baccredomatic.com" not in library.senders


def test_a_folder_of_ones_own_is_read_by_name(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text("x", "utf-8")
    (tmp_path / "a.toml").write_text("y", "utf-8")
    (tmp_path / "notes.txt").write_text("z", "utf-8")
    assert [source.text for source in in_folder(tmp_path)] == ["y", "x"]


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="missing"):
        in_folder(tmp_path / "missing")
    (tmp_path / "bad.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match=r"bad\.toml"):
        in_folder(tmp_path)
