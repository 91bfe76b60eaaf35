"""The composition root of `afpd run`: the only place where things are wired.

1. Take the lock of the database. 2. Load the bank files and the secrets. 3. Upgrade, and adopt an older system's rows.
4. Take over what a dead process left. 5. Serve the status and run the loops, until a signal stops them.
"""

import asyncio
import os
import secrets
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass

from afpd import banks, log, systemd
from afpd.clock import Clock, SystemClock, start_of_day
from afpd.config import Loaded, Settings, load_settings, read_client, read_status_token
from afpd.errors import AfpdError, LoopBroken, NotFound, StorageUnavailable
from afpd.gmail import Gmail, open_session
from afpd.keyring import Keyring
from afpd.loops.batch import Parts
from afpd.loops.cleanup import Cleanup
from afpd.loops.gate import Gate, Skew
from afpd.loops.identity import Identity
from afpd.loops.importing import CLOCK_SLACK, Importing
from afpd.loops.parsing import Parsing, known_banks
from afpd.loops.requests import watch_requests
from afpd.model import Counts, Pause
from afpd.parse.library import Library, load_library
from afpd.status import Readiness, Snapshot, Watched, judge, serve_status
from afpd.store import banks as stored_banks
from afpd.store import batches, claims, counts, emails, integrations
from afpd.store.database import Database
from afpd.store.lock import RunLock
from afpd.store.opening import open_for_run
from afpd.supervisor import Loop, lifeless, supervise

_TOLD = ("integrations_processed", "total_emails", "errors")
_LEAST_CONNECTIONS = 64
_NEEDS_RESTART = ("database", "secrets", "status", "daemon")

logger = log.get("daemon")


@dataclass(slots=True)
class Live:
    """What a reload replaces while everything else goes on."""

    settings: Settings
    library: Library
    gmail: Gmail


def run(loaded: Loaded, only: frozenset[int] | None, say: Callable[[str], None]) -> None:
    """Run the daemon until SIGTERM or SIGINT. `only` limits visits and adoption to some integrations.

    `say` is told what a person should know before the loops begin. Raises AlreadyRunning, ConfigError, SchemaTooNew,
    SecretError, TemplateError or StorageUnavailable, each a clear sentence, before any loop began.
    """
    settings, clock = loaded.settings, SystemClock()
    log.configure(settings.log.level.value, settings.log.format.value)
    with RunLock(settings.database.sqlite_path):
        library = library_of(settings)
        read_client(settings)
        keyring = open_for_run(settings, now=clock.now(), only=only, say=say)
        asyncio.run(_Daemon(loaded, clock, keyring, only).serve(library))


def library_of(settings: Settings) -> Library:
    """Load the shipped bank files and those of the configured folders. Raises TemplateError, ConfigError."""
    sources = list(banks.shipped())
    for folder in settings.banks.folders:
        sources += banks.in_folder(folder)
    return load_library(sources)


class _Daemon:
    """One run of the daemon: its parts, wired."""

    def __init__(self, loaded: Loaded, clock: Clock, keyring: Keyring, only: frozenset[int] | None) -> None:
        self.loaded = loaded
        self.clock = clock
        self.keyring = keyring
        self.only = only
        node = loaded.settings.daemon.node_name
        self.identity = Identity(node, f"{node}/{os.getpid()}/{secrets.token_hex(4)}")
        self.stop = asyncio.Event()
        self.gate = Gate()
        self.skew = Skew()
        self.watchdog = systemd.Watchdog()
        self.started_at = clock.now()

    async def serve(self, library: Library) -> None:
        """Wire everything, run until `stop`, and close in the opposite order."""
        settings = self.loaded.settings
        async with AsyncExitStack() as stack:
            connections = max(_LEAST_CONNECTIONS, settings.imports.concurrency)  # more visits would only wait
            self.session = await stack.enter_async_context(open_session(connections))
            self.database = await stack.enter_async_context(Database(settings.database.sqlite_path))
            self.live = Live(settings, library, self._gmail(settings))
            await self._take_over()
            self.importing, self.parsing, self.cleanup = self._wire()
            port = await self._serve_status(stack)
            self._listen_to_signals()
            logger.info("daemon.started", port=port, banks=len(library.banks), node=self.identity.node)
            systemd.ready(f"status on port {port}")
            await self._run_loops()
            systemd.stopping()
        logger.info("daemon.stopped")

    def _gmail(self, settings: Settings) -> Gmail:
        return Gmail(self.session, settings.gmail, read_client(settings), self.clock)

    async def _take_over(self) -> None:
        """Take over what a dead process left: leases, open batches, and times of a clock that ran ahead."""
        now = self.clock.now()
        async with self.database.write() as connection:
            released = await claims.release(connection)
            await emails.release_pending(connection)
            interrupted = await batches.close_interrupted(connection, now=now)
            await claims.rebase(connection, now=now, slack=CLOCK_SLACK)
            await stored_banks.sync_banks(connection, known_banks(self.live.library))
            unknown = await integrations.missing(connection, self.only or ())
        if unknown:
            raise NotFound(
                f"--only: no integration {', '.join(map(str, unknown))}: `afpd integrations list` shows them"
            )
        if released or interrupted:
            logger.info("daemon.took_over", released=released, interrupted_batches=interrupted)

    def _wire(self) -> tuple[Loop, Loop, Loop]:
        """Make the three loops; what they do lives in loops/, how often in the settings of the moment."""
        parts = Parts(
            self.database,
            lambda: self.live.gmail,
            self.keyring,
            self.clock,
            self.identity,
            self.gate,
            self.skew,
            self.stop,
            lambda: importing.beat(),
            self.only,
        )
        import_loop = Importing(parts, self._settings, lambda: self.live.library.senders, self._wake_parsing)
        parsing_loop = Parsing(
            self.database,
            self.keyring,
            self.clock,
            self.identity,
            self.stop,
            lambda: parsing.beat(),
            self._settings,
            lambda: self.live.library,
        )
        cleanup_loop = Cleanup(self.database, self.clock, self.stop, lambda: cleanup.beat(), self._settings)
        importing = Loop("import", lambda: self._settings().imports.every.total_seconds(), import_loop.tick)
        parsing = Loop("parsing", lambda: self._settings().parsing.every.total_seconds(), parsing_loop.tick)
        cleanup = Loop("cleanup", lambda: self._settings().cleanup.every.total_seconds(), cleanup_loop.tick)
        return importing, parsing, cleanup

    def _settings(self) -> Settings:
        return self.live.settings

    def _wake_parsing(self, pending: int) -> None:
        if pending >= self._settings().parsing.trigger_pending:
            self.parsing.wake()

    async def _serve_status(self, stack: AsyncExitStack) -> int:
        status = self._settings().status
        token = read_status_token(self._settings())
        snapshot = Snapshot(
            counts=self._counts,
            loops=lambda: {loop.name: loop.state for loop in self._all_loops()},
            gmail=self._pause,
            quota=self._quota,
            clock_skew=lambda: self.skew.seconds,
            node=self.identity.node,
            clock=self.clock,
        )
        stack.push_async_callback(snapshot.close)
        serving = serve_status(
            status.host,
            status.port,
            snapshot=snapshot.build,
            ready=self._readiness,
            live=lambda: lifeless(self._all_loops(), self.clock.monotonic()),
            token=None if token is None else token.encode(),
        )
        return await stack.enter_async_context(serving)

    def _all_loops(self) -> tuple[Loop, ...]:
        return (self.importing, self.parsing, self.cleanup)

    async def _counts(self) -> Counts:
        settings, now = self._settings(), self.clock.now()
        async with self.database.read() as connection:
            return await counts.count_all(
                connection,
                now=now,
                today_began=start_of_day(now, settings.zone),
                stale_after=settings.imports.stale_after,
                tick=settings.imports.every,
            )

    def _quota(self) -> dict[str, int]:
        """Units used since the start, beside what Google allows."""
        gmail = self._settings().gmail
        return {
            "units_used": self.live.gmail.units_used,
            "project_units_per_minute": gmail.project_units_per_minute,
            "project_units_per_day": gmail.project_units_per_day,
        }

    def _pause(self) -> Pause | None:
        return None if self.gate.reason is None else Pause(self.gate.kind, self.gate.reason, self.gate.until)

    async def _readiness(self) -> Readiness:
        settings = self._settings()
        every = (settings.imports.every, settings.parsing.every, settings.cleanup.every)
        loops = {loop.name: Watched(loop.state, each) for loop, each in zip(self._all_loops(), every, strict=True)}
        return await judge(
            loops,
            now=self.clock.now(),
            started_at=self.started_at,
            ask_database=self.database.ask,
            pause=self._pause(),
        )

    async def _run_loops(self) -> None:
        try:
            await self._run_until_stop()
        except BaseExceptionGroup as group:
            broken, _ = group.split(LoopBroken)
            raise group if broken is None else broken.exceptions[0] from None
        with suppress(StorageUnavailable):
            async with self.database.write() as connection:
                await claims.release(connection, owner=self.identity.owner)

    async def _run_until_stop(self) -> None:
        async with asyncio.TaskGroup() as group:
            wake = self.importing.wake
            watching = group.create_task(
                watch_requests(self.database, self.clock, self.stop, wake, gate=self.gate, only=self.only)
            )
            try:
                await supervise(
                    self._all_loops(),
                    clock=self.clock,
                    stop=self.stop,
                    grace=self._settings().daemon.grace.total_seconds(),
                    on_tick=self._tell_systemd,
                    on_pulse=self._feed_watchdog,
                )
            finally:
                self.stop.set()
                watching.cancel()

    def _tell_systemd(self, loop: Loop) -> None:
        last = loop.state.last or {}
        if loop is self.importing and not loop.state.failures_in_a_row:
            told = (f"{last.get(key, 0)} {key.replace('_', ' ')}" for key in _TOLD)
            systemd.status(f"last batch: {', '.join(told)}")
        elif loop.state.failures_in_a_row:
            systemd.status(f"{loop.name} fails: {loop.state.last_error}")

    def _feed_watchdog(self) -> None:
        now = self.clock.monotonic()
        if not lifeless(self._all_loops(), now):
            self.watchdog.feed(now)

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._begin_stop)
        loop.add_signal_handler(signal.SIGINT, self._interrupted)
        loop.add_signal_handler(signal.SIGHUP, self._reload)

    def _begin_stop(self) -> None:
        if not self.stop.is_set():
            logger.info("daemon.stopping")
            self.stop.set()

    def _interrupted(self) -> None:
        """The first Ctrl-C stops gracefully; the second one ends at once, as kill -9 would."""
        if self.stop.is_set():
            os._exit(130)
        self._begin_stop()

    def _reload(self) -> None:
        """Read the configuration and the bank files again; keep the old ones when the new are wrong."""
        systemd.reloading()
        try:
            loaded = load_settings(self.loaded.path)
            live = Live(loaded.settings, library_of(loaded.settings), self._gmail(loaded.settings))
        except AfpdError as error:
            logger.error("config.reload_refused", reason=str(error))  # noqa: TRY400 - the sentence says it all
        else:
            self._take_on(loaded, live)
        finally:  # systemd waits for it
            systemd.ready()

    def _take_on(self, loaded: Loaded, live: Live) -> None:
        old = self.live.settings
        kept = [name for name in _NEEDS_RESTART if getattr(old, name) != getattr(loaded.settings, name)]
        log.configure(loaded.settings.log.level.value, loaded.settings.log.format.value)
        live.settings = loaded.settings.model_copy(update={name: getattr(old, name) for name in _NEEDS_RESTART})
        self.live = live
        for name in kept:
            logger.warning("config.needs_restart", table=name)
        logger.info("config.reloaded", banks=len(live.library.banks))
