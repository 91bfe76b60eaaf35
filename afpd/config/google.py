"""The table [gmail]: Google's addresses, its quota, and how patient we are with it."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field

from afpd.config.kinds import FilePath, Section, WebAddress, Whole
from afpd.config.units import Duration, between

_Units = Annotated[Whole, Field(ge=0, le=1_000_000)]
_Quota = Annotated[Whole, Field(ge=1, le=1_000_000_000_000)]


class UnitSettings(Section):
    """Quota units that Gmail charges for each method.

    The numbers are those of https://developers.google.com/workspace/gmail/api/reference/quota since 2026-05-01.
    """

    profile: _Units = Field(default=1, description="users.getProfile")
    labels: _Units = Field(default=1, description="users.labels.list and users.labels.get")
    history: _Units = Field(default=2, description="users.history.list")
    messages_list: _Units = Field(default=5, description="users.messages.list")
    messages_get: _Units = Field(default=20, description="users.messages.get in any format")
    attachments_get: _Units = Field(default=20, description="users.messages.attachments.get")


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
    user_units_per_minute: _Quota = Field(
        default=6_000,
        description="Google's quota for one mailbox: a visit that nears it stops, and goes on at its next turn.",
    )
    project_units_per_minute: _Quota = Field(
        default=1_200_000, description="Google's quota for the project; /status tells it beside the units used."
    )
    project_units_per_day: _Quota = Field(
        default=80_000_000,
        description="Google's quota for the project, a day in Pacific time; /status tells it beside the units used.",
    )
    units: UnitSettings = Field(default=UnitSettings(), description="What Google charges for each method.")
