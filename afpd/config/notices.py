"""The table [notices]: who is told when an integration needs a person, or nobody is visited any more."""

from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from afpd.config.kinds import Section, is_loopback
from afpd.config.units import Duration, between


def _check_webhook(url: str) -> str:
    parts = urlsplit(url)
    if not url:
        return url
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ValueError('must be an address that begins with "https://", without user and password')
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError('must begin with "https://" ("http://" is for localhost only)')
    return url


def _check_command(words: tuple[str, ...]) -> tuple[str, ...]:
    if words and (not words[0].strip() or any("\0" in word for word in words)):
        raise ValueError('must be a program and its arguments, such as ["/usr/local/bin/tell", "--urgent"]')
    return words


class NoticesSettings(Section):
    """Telling somebody. The log tells it always."""

    command: Annotated[tuple[str, ...], AfterValidator(_check_command)] = Field(
        default=(),
        description="Program and arguments to run for each notice, which it gets as JSON on stdin. Empty: none.",
    )
    webhook: Annotated[str, AfterValidator(_check_webhook)] = Field(
        default="", description="Address to which each notice is posted as JSON. Empty: none."
    )
    timeout: Annotated[Duration, between("100ms", "10m")] = Field(
        default=timedelta(seconds=10), description="How long the command, or the answer of the webhook, may take."
    )
