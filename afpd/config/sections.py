"""The tables of afpd.toml and their defaults, all but [gmail]."""

import socket
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field

from afpd.config import address
from afpd.config.kinds import (
    Authentication,
    BankException,
    Country,
    FilePath,
    Forwarded,
    Host,
    LogFormat,
    LogLevel,
    OptionalFilePath,
    Section,
    Switch,
    Whole,
)
from afpd.config.units import Duration, OptionalDuration, Size, between, sized_between


class DatabaseSettings(Section):
    """Where everything is kept."""

    url: Annotated[str, address.Known] = Field(
        default="sqlite:////var/lib/afpd/afpd.db",
        description="The database. Four slashes: an absolute path; three: a path from the folder of this file. "
        "postgresql:// is recognised, but not served by this version.",
    )

    @property
    def sqlite_path(self) -> Path:
        """The SQLite file."""
        return address.sqlite_path(self.url)


class SecretsSettings(Section):
    """What protects tokens and mails at rest."""

    key_file: OptionalFilePath = Field(
        default=None,
        description="File with the encryption keys, mode 0600. Empty: afpd.key beside the SQLite file. "
        "Keep a copy away from the database: without it, everybody has to sign in again.",
    )


class ImportSettings(Section):
    """Bringing mail from Gmail."""

    every: Annotated[Duration, between("1ms", "1d")] = Field(
        default=timedelta(minutes=5), description="Time between two ticks."
    )
    concurrency: Annotated[Whole, Field(ge=1, le=10_000)] = Field(default=64, description="Visits at the same time.")
    first_import: Annotated[Duration, between("0s", "3650d")] = Field(
        default=timedelta(days=30), description="How far back the first visit of a new integration looks."
    )
    adaptive: Switch = Field(
        default=True,
        description="Visit idle mailboxes more rarely: the next visit comes after half the time that no new mail came, "
        "no sooner than the mailbox's own frequency and no later than idlest. "
        "false: every mailbox is always visited at its own frequency.",
    )
    idlest: Annotated[Duration, between("1ms", "7d")] = Field(
        default=timedelta(minutes=30),
        description="Longest time between two visits of an idle mailbox, while the quota is enough. "
        "One whose own frequency is longer keeps that.",
    )
    overlap: Annotated[Duration, between("0s", "7d")] = Field(
        default=timedelta(hours=2),
        description="Searches reach so far behind what was seen already, because Gmail's search lags behind delivery.",
    )
    reconcile_every: Annotated[Duration, between("1ms", "30d")] = Field(
        default=timedelta(hours=24),
        description="Time between two audits of a mailbox: its bank mail against what is kept.",
    )
    reconcile_window: Annotated[Duration, between("1m", "365d")] = Field(
        default=timedelta(days=3), description="How far back an audit searches."
    )
    search_again_after: Annotated[Duration, between("1ms", "7d")] = Field(
        default=timedelta(hours=1),
        description="A message that the history told of, but no search has found yet, is searched again after this.",
    )
    page_budget: Annotated[Whole, Field(ge=1, le=10_000)] = Field(
        default=20,
        description="Pages of up to 500 entries of the history that one visit reads at most; "
        "with more, it searches instead. "
        "Its searches, too, go on at the next visit after about so many.",
    )
    max_mail: Annotated[Size, sized_between("1KiB", "100MiB")] = Field(
        default=25 << 20, description="A larger mail is kept without its attachments: headers and texts alone."
    )
    lease: Annotated[Duration, between("1s", "1d")] = Field(
        default=timedelta(minutes=10),
        description="A claimed integration is free again after this when its process died. "
        "Must be longer than gmail.visit_deadline.",
    )
    backoff_base: Annotated[Duration, between("1ms", "1d")] = Field(
        default=timedelta(minutes=1),
        description="Pause of an integration after its first failure; doubles with each one more.",
    )
    backoff_max: Annotated[Duration, between("1ms", "7d")] = Field(
        default=timedelta(hours=1), description="Longest pause of an integration after failures."
    )
    stale_after: Annotated[Whole, Field(ge=1, le=1000)] = Field(
        default=3, description="An integration counts as stale when nothing was verified for so many of its intervals."
    )


class ParsingSettings(Section):
    """Turning mail into transactions."""

    every: Annotated[Duration, between("1ms", "1d")] = Field(
        default=timedelta(minutes=10), description="Time between two ticks."
    )
    trigger_pending: Annotated[Whole, Field(ge=1, le=1_000_000)] = Field(
        default=10, description="Parse at once when an import leaves so many mails pending."
    )
    chunk: Annotated[Whole, Field(ge=1, le=1000)] = Field(
        default=50, description="Mails that are read in one transaction."
    )


class CleanupSettings(Section):
    """What is removed by age. Transactions never are."""

    every: Annotated[Duration, between("1ms", "30d")] = Field(
        default=timedelta(hours=24), description="Time between two ticks."
    )
    keep_jobs: Annotated[Duration, between("1ms", "36500d")] = Field(
        default=timedelta(days=30),
        description="Age at which import jobs, and parsing jobs read or ignored, are removed.",
    )
    keep_bodies: Annotated[Duration, between("1ms", "36500d")] = Field(
        default=timedelta(days=30),
        description="Age at which the text of a mail that was read is removed; unread mails keep theirs.",
    )
    keep_unread: Annotated[OptionalDuration, between("1ms", "36500d")] = Field(
        default=None,
        description="Age at which mails pending, unmatched, failed or quarantined are removed. Empty: never, "
        "so that a template learnt later can still read them.",
    )


class StatusSettings(Section):
    """The page that tells the state."""

    host: Host = Field(
        default="127.0.0.1", description="Address to listen at. Beyond this machine only with a token_file."
    )
    port: Annotated[Whole, Field(ge=0, le=65535)] = Field(
        default=8800, description="Port to listen at; 0 takes a free one."
    )
    token_file: OptionalFilePath = Field(
        default=None,
        description="File with the token that a caller must send as `Authorization: Bearer TOKEN`. Empty: none asked.",
    )


class BanksSettings(Section):
    """Whose mails are read, and which of them are believed."""

    folders: tuple[FilePath, ...] = Field(default=(), description="Folders with bank files of one's own.")
    authentication: Authentication = Field(
        default=Authentication.STRICT,
        description="strict: a mail without Gmail's proof (DMARC) that the bank sent it is quarantined; "
        "warn: it is read, with a remark; off: no proof is asked for.",
    )
    exceptions: tuple[BankException, ...] = Field(
        default=(), description='Banks for which another authentication holds, such as "cr-bac=warn".'
    )
    forwarded: Forwarded = Field(
        default=Forwarded.OWN,
        description="A bank's mail that a person passed on is booked: own: when it surely comes from the mailbox's own "
        "address; never; any: whoever sent it. Otherwise it is read and held back as quarantined.",
    )
    countries: tuple[Country, ...] = Field(
        default=(),
        description='Only banks of these countries, such as "CR": mailboxes are not searched for others. Empty: all.',
    )


class LogSettings(Section):
    """What is written to stderr."""

    level: LogLevel = Field(
        default=LogLevel.INFO, description="Least important line that is written: debug, info, warning, error."
    )
    format: LogFormat = Field(
        default=LogFormat.AUTO,
        description="json, journal or pretty. auto: journal under systemd, pretty on a terminal, otherwise json.",
    )


class DaemonSettings(Section):
    """The process itself."""

    node: str = Field(
        default="", max_length=255, description="Name of this machine in batches and claims. Empty: its host name."
    )
    grace: Annotated[Duration, between("0s", "10m")] = Field(
        default=timedelta(seconds=20), description="How long a stop waits for visits that are under way."
    )

    @property
    def node_name(self) -> str:
        """The name of this machine, the host name where none is set."""
        return self.node or socket.gethostname()
