"""docs/adding-a-bank.md holds: its example proves, and every key of the format is told."""

from pathlib import Path
from textwrap import dedent

from afpd.banks import BankSource
from afpd.parse import bankfile
from afpd.parse.library import load_library
from afpd.parse.patterns import PIECES

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
