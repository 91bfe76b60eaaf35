"""The address of the database: which ones this version serves, and the file behind it."""

import re
from pathlib import Path

from pydantic import AfterValidator

_SQLITE = "sqlite:///"
_PASSWORD = re.compile(r"(?<=://)[^/\s@]*:[^/\s@]*(?=@)")


def sqlite_path(url: str) -> Path:
    """Return the file that a database address names. Raises `ValueError` with a sentence for any other address."""
    if re.match(r"postgres(ql)?(\+\w+)?:", url):
        raise ValueError("PostgreSQL is not served by this version, SQLite is: write sqlite:////absolute/path/afpd.db")
    if re.match(r"sqlite\+\w+:", url):
        raise ValueError("write sqlite:/// without a driver: afpd chooses it")
    if not url.startswith(_SQLITE):
        raise ValueError("must be sqlite:////absolute/path/afpd.db (four slashes), or sqlite:///path beside this file")
    name = url.removeprefix(_SQLITE)
    if name in ("", ":memory:") or name.startswith("file:") or name.endswith("/"):
        raise ValueError("must name a file: what is kept in memory is lost at the end")
    if "?" in name or "\0" in name:
        raise ValueError("must be a plain path: options after ? are not read")
    return Path(name)


def _check(url: str) -> str:
    sqlite_path(url)
    return url


Known = AfterValidator(_check)


def with_folder(url: str, folder: Path) -> str:
    """Return the address with a relative SQLite path made absolute from `folder`; any other address as it is."""
    try:
        path = sqlite_path(url)
    except ValueError:
        return url
    return f"{_SQLITE}{folder / path}"


def masked(text: str) -> str:
    """Return `text` with the user and password of an address in it replaced by ***."""
    return _PASSWORD.sub("***", text)
