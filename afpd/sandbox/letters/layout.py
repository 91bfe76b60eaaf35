"""Layouts as data: what the file layouts.toml says of each, and its body."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

_PLACEHOLDER = re.compile(r"\{([a-z_0-9]+)\}")


@dataclass(frozen=True, slots=True)
class Layout:
    """One layout. `record` says which invented value each field of the transaction tells; empty: no transaction."""

    name: str
    sender: str
    subject: str
    bank: str | None = None
    content: str = "text/html"
    charset: str = "UTF-8"
    encoding: str = "quoted-printable"
    amount: str = "comma"
    merchant: str = "plain"
    reference: int | str = 12
    authorization: str | None = None
    outcome: str = "success"
    record: Mapping[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Return the bare address of the sender."""
        return self.sender.rpartition("<")[2].rstrip(">")

    @property
    def body(self) -> str:
        """Return the body with its placeholders."""
        ending = "html" if self.content == "text/html" else "txt"
        return _body(f"{self.name}.{ending}")


@cache
def layouts() -> dict[str, Layout]:
    """Return all layouts by name, as they stand in the file."""
    text = resources.files(__package__).joinpath("layouts.toml").read_text(encoding="utf-8")
    found = {}
    for name, table in tomllib.loads(text).items():
        found[name] = Layout(name=name, sender=table.pop("from"), **table)
    return found


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return `text` with its placeholders filled. Raises KeyError for a placeholder that no value is invented for."""
    return _PLACEHOLDER.sub(lambda match: values[match[1]], text)


@cache
def _body(name: str) -> str:
    return resources.files(__package__).joinpath("bodies", name).read_text(encoding="utf-8")
