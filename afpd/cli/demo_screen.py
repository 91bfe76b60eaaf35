"""What the demo shows: batches, integrations by state, and transactions as they appear."""

import asyncio
import json
import urllib.error
import urllib.request
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from afpd.errors import StorageUnavailable
from afpd.store import integrations as stored
from afpd.store import transactions as stored_transactions
from afpd.store.database import Database

_STATES = ("waiting", "running", "suspended", "error")
_COLOURS = {"waiting": "green", "running": "cyan", "suspended": "yellow", "error": "red"}


@dataclass
class Screen:
    """Writes lines to the terminal, each thing once, when it changes."""

    console: Console = field(default_factory=lambda: Console(highlight=False, soft_wrap=True))
    transactions: int = 0
    banks: Counter[str] = field(default_factory=Counter)
    _last_id: int = 0
    _last_batch: int = 0
    _states: dict[int, str] = field(default_factory=dict)
    _totals: tuple[int, ...] = ()

    def say(self, text: str) -> None:
        """Write one line as it is."""
        self.console.print(escape(text))

    def begin(self, port: int) -> None:
        """Say what is going on and what to type."""
        self.console.print(
            "[bold]afpd demo[/] — nine mailboxes in a Gmail on this machine, a daemon that follows them."
        )
        self.console.print(f"In another terminal: [bold]curl localhost:{port}/status[/]      Ctrl-C ends the demo.\n")

    async def look(self, port: int, database: Path) -> None:
        """Look at /status and at the database, and write what is new."""
        answer = await asyncio.to_thread(_status, port)
        if answer is not None:
            self._show_batch(answer)
        with suppress(StorageUnavailable):
            await self._show_rows(database)

    def summary(self) -> None:
        """Write what it came to."""
        told = ", ".join(f"{bank} {count}" for bank, count in sorted(self.banks.items())) or "none"
        self.console.print(f"\n[bold]{self.transactions} transactions[/] of {len(self.banks)} banks: {told}")

    def _show_batch(self, answer: dict[str, Any]) -> None:
        batch, loop = answer["last_batch"], answer["loops"]["import"]["last"]
        if batch is None or loop is None or batch["id"] == self._last_batch:
            return
        self._last_batch = batch["id"]
        if batch["total_emails_processed"] or batch["errors"]:
            self.console.print(
                f"[bold]batch {batch['id']:>3}[/]  {batch['batch_size']} integrations, "
                f"{batch['total_emails_processed']} mails, {batch['errors']} errors, "
                f"{batch['processing_duration_seconds']:.1f} s"
            )
        totals = tuple(answer["integrations"][state] for state in _STATES)
        if totals != self._totals:
            self._totals = totals
            told = "  ".join(f"[{_COLOURS[s]}]{s} {n}[/]" for s, n in zip(_STATES, totals, strict=True))
            self.console.print(f"integrations  {told}")

    async def _show_rows(self, path: Path) -> None:
        async with Database(path) as database, database.read() as connection:
            for row in await stored.list_integrations(connection):
                self._show_state(row)
            async for record in stored_transactions.export(connection, after_id=self._last_id):
                self._show_transaction(record)

    def _show_state(self, row: stored.Integration) -> None:
        before, now = self._states.get(row.id, "waiting"), row.import_status
        if now == "running":
            return
        self._states[row.id] = now
        if now == before:
            return
        why = row.suspend_reason if now == "suspended" else row.last_error_message
        reason = f": {escape(why or '')}" if now in ("suspended", "error") else " again"
        self.console.print(f"[{_COLOURS[now]}]{escape(row.email_account)} is {now}[/]{reason}")

    def _show_transaction(self, record: dict[str, Any]) -> None:
        self._last_id = record["id"]
        self.transactions += 1
        self.banks[record["bank"] or "?"] += 1
        sign = "+" if record["direction"] == "credit" else "-"
        amount = f"{sign}{record['amount']} {record['currency']}"
        self.console.print(
            f"  {record['bank'] or '?':<14} {record['kind']:<10} {record['status']:<9} [bold]{amount:>18}[/]  "
            f"{escape(record['merchant'] or '')[:34]:<34} {record['occurred_at'][:16].replace('T', ' ')}"
        )


def _status(port: int) -> dict[str, Any] | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=2) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except (urllib.error.URLError, OSError, ValueError):
        return None
