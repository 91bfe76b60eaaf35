"""Column types that keep what Python knows: exact money, aware UTC, opaque user ids."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import DateTime, Numeric, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

_LARGEST_INTEGER = 2**63


class _SqliteDateTime(UserDefinedType[str]):
    """Text in a column declared DATETIME, so that SQLite's own date functions and other programs can read it."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "DATETIME"


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: aware in Python, `YYYY-MM-DD HH:MM:SS.ffffff` in UTC in SQLite, timestamptz in PostgreSQL.

    Raises ValueError for a naive datetime: a moment without a zone is none.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(_SqliteDateTime() if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime without a zone cannot be stored")
        moment = value.astimezone(UTC)
        return utc_text(moment) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class Money(TypeDecorator[Decimal]):
    """An exact amount: its decimal text in SQLite, NUMERIC in PostgreSQL. Never a float."""

    impl = Numeric(28, 8)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else Numeric(28, 8))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        if isinstance(value, float):
            raise TypeError("money is never a float")
        return format(value, "f") if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        try:
            return None if value is None else Decimal(str(value))
        except InvalidOperation as error:
            raise ValueError("an amount in the database is no decimal number") from error


class UserId(TypeDecorator[str]):
    """Opaque text. Canonical integers are bound as integers on SQLite, since an adopted table holds them so."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        if value is not None and dialect.name == "sqlite" and is_canonical_integer(value):
            return int(value)
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else str(value)


def is_canonical_integer(text: str) -> bool:
    """Tell whether the text is an integer as SQLite itself would print it, within its 64 bits."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 19):
        return False
    return str(int(text)) == text and -_LARGEST_INTEGER <= int(text) < _LARGEST_INTEGER


def utc_text(moment: datetime) -> str:
    """Return the text that a moment has in SQLite; texts of two moments sort as the moments do."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
