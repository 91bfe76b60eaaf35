"""The sandbox as a whole: users, their mailboxes, tokens, quota, faults and counters, and how to serve them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import orjson

from afpd.clock import Clock, SystemClock
from afpd.sandbox.faults import FaultPlan
from afpd.sandbox.letters import Letter, write
from afpd.sandbox.mailbox import Mailbox
from afpd.sandbox.quota import Meter, tables
from afpd.sandbox.server import serve
from afpd.sandbox.tokens import CLIENT_ID, CLIENT_SECRET, TokenDesk
from afpd.sandbox.traffic import Traffic


class Sandbox:
    """A Gmail of one's own. See the package's docstring for how to script it.

    `table` is one of Google's quota tables ("now", "before"), counted always and enforced only on demand;
    `token_life` is an access token's life in seconds; `latency` delays every answer, in seconds; `concurrent_per_user`
    answers 429 above so many calls of one user at once (0: any number); a text part of more than `big_part_bytes`
    comes as an attachmentId.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        seed: int = 0,
        table: str = "now",
        enforce_quota: bool = False,
        token_life: float = 3599.0,
        latency: float = 0.0,
        concurrent_per_user: int = 0,
        big_part_bytes: int = 1 << 20,
    ) -> None:
        self.clock: Clock = clock or SystemClock()
        self.seed = seed
        self.latency = latency
        self.concurrent_per_user = concurrent_per_user
        self.big_part_bytes = big_part_bytes
        self.mailboxes: dict[str, Mailbox] = {}
        self.traffic = Traffic()
        self.meter = Meter(tables()[table], enforced=enforce_quota)
        self.faults = FaultPlan(self.clock, seed)
        self.tokens = TokenDesk(self.clock, seed, token_life)
        self._random = Random(seed)
        self._letters = 0

    @property
    def units(self) -> int:
        """Return the quota units spent by all users."""
        return self.meter.total

    def add_user(self, address: str, *, refresh_token: str | None = None, first_history_id: int = 1_000_003) -> Mailbox:
        """Add a user who granted access, and return the mailbox. The token is made up if none is given."""
        token = refresh_token or f"1//sandbox-{address}"
        mailbox = Mailbox(address, token, self.clock, first_history_id=first_history_id, seed=self.seed)
        self.mailboxes[address.casefold()] = mailbox
        self.tokens.register(mailbox)
        return mailbox

    def revoke(self, address: str) -> None:
        """Let a user take the grant away, for ever (or until the user signs in again)."""
        self.tokens.revoke(self.mailboxes[address.casefold()])

    def write_letter(self, address: str, layout: str, when: datetime | None = None) -> Letter:
        """Write the next letter for a user, at the aware moment `when` or now. Raises KeyError: unknown layout."""
        self._letters += 1
        return write(layout, self._random, when or self.clock.now(), address, serial=self._letters)

    def deliver(
        self, address: str, letter: Letter, *, message_id: str | None = None, indexed_after: float = 0.0
    ) -> str:
        """Deliver a letter at the moment it was written for, note what it must become, and return its Gmail id."""
        mailbox = self.mailboxes[address.casefold()]
        return mailbox.deliver(
            letter.raw,
            message_id=message_id,
            received_at=letter.received_at,
            indexed_after=indexed_after,
            note=letter.note(),
        )

    def mails(self) -> list[dict[str, Any]]:
        """Return every mail ever delivered, with what it must become where a letter said so: for checkers."""
        return [
            {
                "email": mailbox.email_address,
                "id": message.id,
                "internal_date": message.internal_date,
                "labels": sorted(message.labels),
                "deleted": message.id not in mailbox.messages,
                **message.note,
            }
            for mailbox in self.mailboxes.values()
            for message in mailbox.delivered
        ]

    def stats(self) -> dict[str, Any]:
        """Return the counters as one object: requests, units, faults, and per user requests, gets and units."""
        users: dict[str, dict[str, Any]] = {}
        for (user, method), count in self.traffic.by_user.items():
            entry = users.setdefault(user, {"requests": {}, "units": self.meter.by_user[user], "most_gets": 0})
            entry["requests"][method] = count
        for (user, _), count in self.traffic.gets.items():
            users[user]["most_gets"] = max(users[user]["most_gets"], count)
        return {
            "requests": dict(self.traffic.requests),
            "units": self.meter.total,
            "units_by_method": dict(self.meter.by_method),
            "faults": {fault.value: count for fault, count in self.faults.struck.items()},
            "users": users,
        }

    @asynccontextmanager
    async def serve(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
        """Serve on a socket for the length of the block and yield the URL, without a slash at its end.

        Raises OSError when the port is taken; port 0 takes a free one.
        """
        async with serve(self, host, port) as url:
            yield url

    def client_secret(self, url: str) -> dict[str, Any]:
        """Return the content of a client_secret.json for the sandbox at `url`, in the form for installed programs."""
        return {
            "installed": {
                "client_id": CLIENT_ID,
                "project_id": "afpd-sandbox",
                "auth_uri": f"{url}/auth",
                "token_uri": f"{url}/token",
                "client_secret": CLIENT_SECRET,
                "redirect_uris": ["http://localhost"],
            }
        }

    def write_client_secret(self, path: Path, url: str) -> None:
        """Write that file, readable by its owner alone."""
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(orjson.dumps(self.client_secret(url), option=orjson.OPT_INDENT_2))

    def write_service_account(self, path: Path, url: str) -> None:
        """Write the key file of the service account, readable by its owner alone."""
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(orjson.dumps(self.tokens.delegation.key_file(url), option=orjson.OPT_INDENT_2))

    def users_lines(self, every: str = "5m") -> bytes:
        """Return the users as JSON lines for `afpd integrations add --from`."""
        lines = (
            {"user": f"user_{n}", "email": box.email_address, "refresh_token": box.refresh_token, "every": every}
            for n, box in enumerate(self.mailboxes.values(), 1)
        )
        return b"".join(orjson.dumps(line) + b"\n" for line in lines)
