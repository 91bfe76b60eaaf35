"""What a value of the configuration may be, beside durations and sizes."""

import ipaddress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainSerializer, Strict, WithJsonSchema

from afpd.clock import zone


class Authentication(StrEnum):
    """What a mail needs to be believed: proof, a remark where proof is missing, or nothing."""

    STRICT = "strict"
    WARN = "warn"
    OFF = "off"


class Forwarded(StrEnum):
    """Which mails that a person passed on are booked: those of the mailbox's owner, none, or whoever's."""

    OWN = "own"
    NEVER = "never"
    ANY = "any"


class LogLevel(StrEnum):
    """The least important line that is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How a line is written; auto chooses by where it goes."""

    AUTO = "auto"
    JSON = "json"
    JOURNAL = "journal"
    PRETTY = "pretty"


class Section(BaseModel):
    """A table of afpd.toml: frozen, and without keys that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)


def is_loopback(host: str) -> bool:
    """Tell whether `host` (an address, or "localhost") is reachable from this machine only."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _check_host(host: str) -> str:
    if not host or (any(character in host for character in " /:@") and not _is_address(host)):
        raise ValueError('must be an address or a host name, such as "127.0.0.1"; the port has a key of its own')
    return host


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def check_web_address(url: str) -> str:
    """Tokens travel to this address: plain http is for this machine only (RFC 6749, section 3.2, asks for TLS)."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError('must be an address that begins with "https://"')
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must be an address without user, password, ? and #")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError('must begin with "https://": tokens go there ("http://" is for localhost only)')
    return url.rstrip("/")


def _check_zone(name: str) -> str:
    try:
        zone(name)
    except (KeyError, ValueError, OSError):
        raise ValueError('is no time zone; write one such as "America/Costa_Rica", "UTC", or "local"') from None
    return name


def _empty_is_none(value: Any) -> Any:
    return None if value == "" else value


def _text_or_empty(value: Any) -> str:
    return "" if value is None else str(value)


def within(least: int, most: int) -> AfterValidator:
    """Return the check that an `OptionalWhole` lies between the two, both included, where one is given."""

    def check(number: int | None) -> int | None:
        if number is not None and not least <= number <= most:
            raise ValueError(f"must be between {least} and {most}")
        return number

    return AfterValidator(check)


def _check_path(path: Path) -> Path:
    if path == Path() or "\0" in str(path):
        raise ValueError("must be the path of a file or folder")
    return path


Whole = Annotated[int, Strict()]
Switch = Annotated[bool, Strict()]
# Empty text stands for "not given": TOML has no null.
OptionalWhole = Annotated[
    int | None,
    Strict(),
    BeforeValidator(_empty_is_none),
    PlainSerializer(lambda number: "" if number is None else number),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, {"const": ""}]}),
]
Host = Annotated[str, AfterValidator(_check_host)]
WebAddress = Annotated[str, AfterValidator(check_web_address)]
ZoneName = Annotated[str, AfterValidator(_check_zone)]
FilePath = Annotated[
    Path,
    AfterValidator(_check_path),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "minLength": 1}),
]
# Empty text stands for "not given": TOML has no null.
OptionalFilePath = Annotated[
    Path | None,
    BeforeValidator(_empty_is_none),
    PlainSerializer(_text_or_empty, return_type=str),
    WithJsonSchema({"type": "string"}),
]


def _check_country(code: str) -> str:
    if len(code) != 2 or not (code.isascii() and code.isalpha() and code.isupper()):
        raise ValueError('must be two capital letters of ISO 3166, such as "CR"')
    return code


def _check_exception(text: str) -> str:
    code, equals, policy = text.partition("=")
    if not (code and equals) or policy not in list(Authentication):
        raise ValueError('must be the code of a bank and one of strict, warn, off, such as "cr-bac=warn"')
    return text


Country = Annotated[str, AfterValidator(_check_country)]
BankException = Annotated[str, AfterValidator(_check_exception)]
