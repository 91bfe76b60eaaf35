"""What the daemon tells of itself: the content of /status, /livez and /readyz, and systemd's line."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from afpd import systemd
from afpd.clock import Clock, start_of_day
from afpd.config import read_status_token
from afpd.daemon.live import Live
from afpd.loops.gate import Gate, Skew
from afpd.loops.governor import Governor
from afpd.loops.terms import cadence_of
from afpd.model import Counts, Pause
from afpd.status import Readiness, Snapshot, Watched, judge, serve_status
from afpd.store import counts
from afpd.store.database import Database
from afpd.supervisor import Loop, lifeless

_TOLD = ("integrations_processed", "total_emails", "errors")


@dataclass(slots=True)
class Telling:
    """Reads the daemon's parts, some of them from another thread: only values that are replaced as a whole."""

    live: Callable[[], Live]
    loops: tuple[Loop, ...]
    gate: Gate
    skew: Skew
    clock: Clock
    node: str
    started_at: datetime
    tokens_trouble: Callable[[], str | None]
    governor: Governor
    active: int = 0  # integrations, as counted last
    watchdog: systemd.Watchdog = field(default_factory=systemd.Watchdog)

    @asynccontextmanager
    async def site(self) -> AsyncIterator[int]:
        """Serve the status endpoint with database connections of its own; gives the port.

        Raises AlreadyRunning when the port is taken, SecretError for a token file that will not do.
        """
        settings = self.live().settings
        token = read_status_token(settings)
        async with Database(settings.database.sqlite_path) as database:
            snapshot = Snapshot(
                counts=lambda: self._counts(database),
                loops=lambda: {loop.name: loop.state for loop in self.loops},
                gmail=self._pause,
                quota=self._quota,
                tokens=self.tokens_trouble,
                clock_skew=lambda: self.skew.seconds,
                node=self.node,
                clock=self.clock,
            )
            try:
                async with serve_status(
                    settings.status.host,
                    settings.status.port,
                    snapshot=snapshot.build,
                    ready=lambda: self._readiness(database, snapshot),
                    live=self.lifeless,
                    token=None if token is None else token.encode(),
                ) as port:
                    yield port
            finally:
                await snapshot.close()

    def lifeless(self) -> list[str]:
        """Return the names of the loops that show no life."""
        return lifeless(self.loops, self.clock.monotonic())

    def tell_systemd(self, loop: Loop) -> None:
        """Show a tick's result in `systemctl status`."""
        last = loop.state.last or {}
        if loop.state.failures_in_a_row:
            systemd.status(f"{loop.name} fails: {loop.state.last_error}")
        elif loop.name == "import":
            told = (f"{last.get(key, 0)} {key.replace('_', ' ')}" for key in _TOLD)
            systemd.status(f"last batch: {', '.join(told)}")

    def feed_watchdog(self) -> None:
        """Feed systemd's watchdog, while every loop shows life."""
        if not self.lifeless():
            self.watchdog.feed(self.clock.monotonic())

    async def _counts(self, database: Database) -> Counts:
        settings, now = self.live().settings, self.clock.now()
        async with database.read() as connection:
            counted = await counts.count_all(
                connection,
                now=now,
                today_began=start_of_day(now, settings.zone),
                stale_after=settings.imports.stale_after,
                tick=settings.imports.every,
                cadence=cadence_of(settings, self.governor.stretch),
            )
        self.active = counted.integrations.active
        return counted

    def _quota(self) -> dict[str, float | None]:
        """Units used since the start or the last reload, and what the governor reckons with."""
        return {"units_used": self.live().gmail.units_used, **self.governor.report(self.active)}

    def _pause(self) -> Pause | None:
        reason = self.gate.reason
        return None if reason is None else Pause(self.gate.kind, reason, self.gate.until)

    async def _readiness(self, database: Database, snapshot: Snapshot) -> Readiness:
        settings, lifeless = self.live().settings, self.lifeless()
        every = {
            "import": settings.imports.every,
            "parsing": settings.parsing.every,
            "cleanup": settings.cleanup.every,
        }
        return await judge(
            {loop.name: Watched(loop.state, every[loop.name], loop.name not in lifeless) for loop in self.loops},
            now=self.clock.now(),
            started_at=self.started_at,
            ask_database=database.ask,
            pause=self._pause(),
            count=snapshot.counted,
        )
