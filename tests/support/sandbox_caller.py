"""What tests of the sandbox share: a clock that they move, and a caller who speaks for one of its users."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from afpd.sandbox import Sandbox

ANA = "ana@example.com"


class SteppedClock:
    """Stands still until `elapsed` is moved; sleeping moves it."""

    def __init__(self) -> None:
        self.elapsed = 0.0

    def now(self) -> datetime:
        return datetime(2026, 11, 12, 11, 16, tzinfo=UTC) + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return self.elapsed

    async def sleep(self, seconds: float) -> None:
        self.elapsed += max(0.0, seconds)


@dataclass
class Caller:
    """Speaks for ana over a real socket, with the access token `token`."""

    session: aiohttp.ClientSession
    url: str
    sandbox: Sandbox
    token: str = ""

    async def refresh(self, **form: str) -> tuple[int, Any]:
        client = self.sandbox.client_secret(self.url)["installed"]
        form = {
            "grant_type": "refresh_token",
            "refresh_token": self.sandbox.mailboxes[ANA].refresh_token,
            "client_id": client["client_id"],
            "client_secret": client["client_secret"],
        } | form
        async with self.session.post(f"{self.url}/token", data=form) as response:
            return response.status, await response.json()

    def headers(self, **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} | more

    async def get(self, path: str, **query: str) -> tuple[int, Any]:
        target = f"{self.url}/gmail/v1/users/me/{path}"
        async with self.session.get(target, params=query, headers=self.headers()) as response:
            return response.status, await response.json()
