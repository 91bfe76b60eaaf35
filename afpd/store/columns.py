"""What the tables share: the one metadata, and the columns that occur again and again."""

from typing import Any

from sqlalchemy import Column, Integer, MetaData, String, text

metadata = MetaData()


def count(name: str, default: int = 0) -> Column[int]:
    """Return a column of whole numbers that is never empty."""
    return Column(name, Integer, nullable=False, server_default=text(str(default)))


def word(name: str, default: str | None = None) -> Column[Any]:
    """Return a column of one short word; with a default it is never empty."""
    if default is None:
        return Column(name, String(64))
    return Column(name, String(64), nullable=False, server_default=text(f"'{default}'"))
