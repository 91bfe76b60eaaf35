"""docs/adding-a-bank.md holds: its example proves, and every key of the format is told."""

from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent

from afpd.banks import BankSource, shipped
from afpd.model import Outcome
from afpd.parse import bankfile
from afpd.parse.library import load_library
from afpd.parse.patterns import PIECES
from afpd.parse.skeleton import skeleton
from afpd.parse.sources import BankChanges

PAGE = (Path(__file__).parents[2] / "docs" / "adding-a-bank.md").read_text("utf-8")


def test_the_example_proves() -> None:
    example = dedent("   " + PAGE.partition("```toml")[2].partition("```")[0].strip())
    lines = "\n".join(line.removeprefix("   ") for line in example.split("\n"))
    assert [bank.code for bank in load_library([BankSource("example", lines)]).banks] == ["cr-ejemplo"]


def test_every_key_is_told() -> None:
    tables = (
        *(bankfile.BankTable, bankfile.SenderTable, bankfile.TemplateTable, bankfile.FieldTable),
        *(bankfile.ColumnsTable, bankfile.CaseTable, bankfile.SampleTable, bankfile.RefusalTable),
    )
    keys = {key for table in tables for key in table.model_fields} - {"fields", "columns", "case", "sample"}
    told = PAGE.replace("[template.fields", "`fields`").replace("[template.columns", "`columns`")
    assert sorted(key for key in keys if f"`{key}`" not in told and f"sample.{key}" not in told) == []


def test_every_piece_is_told() -> None:
    assert [name for name in PIECES if "{{" + name + "}}" not in PAGE] == []


MAIL = """\
Authentication-Results: mx.google.com; dmarc=pass (p=REJECT) header.from=bancovolcan.cr
From: "Banco Volcan" <alertas@bancovolcan.cr>
To: ana@example.com
Subject: Aviso de consumo
Date: Mon, 02 Mar 2026 12:05:00 -0600
MIME-Version: 1.0
Content-Type: text/html; charset=UTF-8

<html><body><p>Estimada Ana Mora:</p>
<p>Le informamos que se realiz&oacute; un consumo con su tarjeta terminada en {card}.</p>
<table><tr><td>Establecimiento</td><td>{merchant}</td></tr><tr><td>Fecha de la compra</td><td>{date}</td></tr>
<tr><td>Monto total</td><td>{amount}</td></tr></table><p>Gracias por preferirnos.</p></body></html>
"""
FIRST = {"card": "4821", "merchant": "PANADERIA LA ESPIGA", "date": "02/03/2026 11:58", "amount": "CRC 7.410,00"}
SECOND = {"card": "0090", "merchant": "NUBE * UNO", "date": "01/03/2026 23:07", "amount": "USD 1.015,20"}


def test_a_newcomers_mail_becomes_a_file_that_proves_and_reads_the_next_one() -> None:
    begun = skeleton(MAIL.format(**FIRST).encode())
    library = load_library([*shipped(), BankSource("begun.toml", begun)])

    at = datetime(2026, 3, 2, 18, 5, tzinfo=UTC)
    reading = library.read(MAIL.format(**SECOND).encode(), received_at=at)

    assert (reading.outcome, reading.bank) == (Outcome.SUCCESS, "cr-bancovolcan")
    (one,) = reading.transactions
    told = one.as_record()
    assert (told["amount"], told["currency"], told["merchant"], told["account"]) == (
        "1015.20",
        "USD",
        "NUBE * UNO",
        "0090",
    )
    assert told["occurred_at"] == "2026-03-01T23:07:00-06:00"
    assert begun.count("# check") > 5


def test_the_example_of_an_extension_proves() -> None:
    example = PAGE.partition("## Adding to a shipped bank")[2].partition("```toml")[2].partition("```")[0]
    library = load_library([*shipped(), BankSource("example", example)])
    assert "avisos-nuevos@notificacionesbaccr.com" in library.senders


def test_every_key_that_an_extension_may_change_is_told() -> None:
    told = PAGE.partition("## Adding to a shipped bank")[2].partition("\n## ")[0]
    assert [key for key in BankChanges.model_fields if f"`{key}`" not in told] == []
