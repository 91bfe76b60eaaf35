"""The table [gmail]: Google's addresses, its quota, and how patient we are with it."""

from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import Field

from afpd.config.kinds import FilePath, OptionalFilePath, OptionalWhole, Section, Switch, WebAddress, Whole, within
from afpd.config.quota import Quota, QuotaTable, quota_of
from afpd.config.units import Duration, between

_Units = Annotated[OptionalWhole, within(0, 1_000_000)]
_UserBudget = Annotated[OptionalWhole, within(1, 1_000_000_000_000)]
_Budget = Annotated[OptionalWhole, within(0, 1_000_000_000_000)]


class UnitSettings(Section):
    """Quota units that Gmail charges for each method; empty: what the table says that `gmail.quota` names."""

    profile: _Units = Field(default=None, description="users.getProfile")
    labels: _Units = Field(default=None, description="users.labels.list and users.labels.get")
    history: _Units = Field(default=None, description="users.history.list")
    messages_list: _Units = Field(default=None, description="users.messages.list")
    messages_get: _Units = Field(default=None, description="users.messages.get in any format")
    attachments_get: _Units = Field(default=None, description="users.messages.attachments.get")


class GmailSettings(Section):
    """Speaking with Google."""

    api_url: WebAddress = Field(default="https://gmail.googleapis.com", description="Where the Gmail API answers.")
    token_url: WebAddress = Field(
        default="https://oauth2.googleapis.com/token", description="Where access tokens come from."
    )
    auth_url: WebAddress = Field(
        default="https://accounts.google.com/o/oauth2/v2/auth",
        description="Where a person agrees, for `integrations connect`.",
    )
    scope: str = Field(
        default="https://www.googleapis.com/auth/gmail.readonly",
        min_length=1,
        description="What `integrations connect` asks for.",
    )
    client_file: FilePath = Field(
        default=Path("/etc/afpd/client_secret.json"),
        description="The OAuth client as Google's console gives it, mode 0600. "
        "With systemd: the credential client_secret.json.",
    )
    service_account_file: OptionalFilePath = Field(
        default=None,
        description="The key of a service account with domain-wide delegation, mode 0600. Empty: none. "
        "With systemd: the credential service_account.json.",
    )
    rate_pause: Annotated[Duration, between("1ms", "1d")] = Field(
        default=timedelta(seconds=60), description="Shortest pause after an answer that a quota per minute is used up."
    )
    retry_base: Annotated[Duration, between("1ms", "1m")] = Field(
        default=timedelta(milliseconds=500),
        description="Pause before a request is tried again; doubles with each one more.",
    )
    max_retries: Annotated[Whole, Field(ge=0, le=20)] = Field(
        default=3, description="How often a request is tried again in a visit."
    )
    visit_deadline: Annotated[Duration, between("100ms", "1d")] = Field(
        default=timedelta(seconds=60), description="Longest time of one visit; what is left waits for the next."
    )
    confirm_revoked_after: Annotated[Duration, between("0s", "7d")] = Field(
        default=timedelta(minutes=5),
        description="invalid_grant must still hold after this before a user has to sign in again.",
    )
    refresh_concurrency: Annotated[Whole, Field(ge=1, le=1000)] = Field(
        default=16, description="Access tokens that are fetched at the same time."
    )
    refresh_deadline: Annotated[Duration, between("100ms", "10m")] = Field(
        default=timedelta(seconds=20), description="Longest time that a visit spends on getting an access token."
    )
    batch_size: Annotated[Whole, Field(ge=1, le=50)] = Field(
        default=10, description="Messages of one mailbox that are fetched with one request; 1: each by itself."
    )
    batch_users: Switch = Field(
        default=False,
        description="Ask for news of several mailboxes with one request. "
        "Saves CPU; unproven with Google's own servers.",
    )
    quota: QuotaTable = Field(
        default=QuotaTable.SINCE_2026_05,
        description="Which of Google's quota tables holds: 2026-05 for projects new since 2026-05-01, "
        "older for those before. What is set below counts instead of the table.",
    )
    user_units_per_minute: _UserBudget = Field(
        default=None,
        description="Units of one mailbox and minute. Empty: as the table says (6000; older: 15000).",
    )
    project_units_per_minute: _Budget = Field(
        default=None,
        description="Units of the project and minute; 0: no limit. Empty: as the table says (1200000).",
    )
    project_units_per_day: _Budget = Field(
        default=None,
        description="Units of the project and day, which turns at midnight Pacific time; 0: no limit. "
        "Empty: as the table says (80000000; older: no limit).",
    )
    units: UnitSettings = Field(
        default=UnitSettings(), description="What Google charges for each method. Empty: as the table says."
    )

    @cached_property
    def budget(self) -> Quota:
        """The quota to reckon with: Google's table, with what is set here laid over it."""
        names = ("user_units_per_minute", "project_units_per_minute", "project_units_per_day")
        return quota_of(self.quota, {name: getattr(self, name) for name in names}, dict(self.units))
