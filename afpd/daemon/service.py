"""One run of the daemon: its parts, wired, from the take-over to the stop."""

import asyncio
import os
import secrets
import signal
from contextlib import AsyncExitStack, suppress

from afpd import log, systemd
from afpd.clock import Clock
from afpd.config import Loaded, Settings, load_settings, read_keys
from afpd.daemon.askers import require
from afpd.daemon.live import Live, library_of, succeed
from afpd.daemon.telling import Telling
from afpd.errors import AfpdError, LoopBroken, NotFound, StorageUnavailable
from afpd.gmail import Gmail, open_session
from afpd.keyring import Keyring
from afpd.loops.batch import Parts
from afpd.loops.cleanup import Cleanup
from afpd.loops.doubt import Doubt
from afpd.loops.gate import Gate, Skew
from afpd.loops.governor import Governor
from afpd.loops.identity import Identity
from afpd.loops.importing import CLOCK_SLACK, Importing
from afpd.loops.ledger import take_over_quota
from afpd.loops.notices import Notices
from afpd.loops.parsing import Parsing, known_banks
from afpd.loops.requests import watch_requests
from afpd.parse.library import Library
from afpd.status import in_thread
from afpd.store import access, banks, batches, claims, emails, integrations
from afpd.store.database import Database
from afpd.supervisor import Loop, supervise

_LEAST_CONNECTIONS = 64

logger = log.get("daemon")


class Service:
    """The daemon between the opening of its database and its stop."""

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
        self.doubt = Doubt()
        self.governor = Governor(clock, lambda: self._settings().gmail.budget)
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
            await take_over_quota(self.database, self.governor, self.gate, self.clock.now())
            self.importing, self.parsing, self.cleanup = self._wire()
            telling = self._telling()
            port = stack.enter_context(in_thread(telling.site, "status"))
            self._listen_to_signals()
            logger.info("daemon.started", port=port, banks=len(library.banks), node=self.identity.node)
            systemd.ready(f"status on port {port}")
            await self._run_loops(telling)
            systemd.stopping()
        logger.info("daemon.stopped")

    def _gmail(self, settings: Settings) -> Gmail:
        keys = read_keys(settings)
        return Gmail(self.session, settings.gmail, keys.client, self.clock, account=keys.account)

    def _settings(self) -> Settings:
        return self.live.settings

    async def _take_over(self) -> None:
        """Take over what a dead process left: leases, open batches, and times of a clock that ran ahead."""
        now = self.clock.now()
        async with self.database.write() as connection:
            released = await claims.release(connection)
            await emails.release_pending(connection)
            interrupted = await batches.close_interrupted(connection, now=now)
            await claims.rebase(connection, now=now, slack=CLOCK_SLACK)
            await banks.sync_banks(connection, known_banks(self.live.library))
            unknown = await integrations.missing(connection, self.only or ())
            require(read_keys(self._settings()), await access.credentials(connection, self.only), self._settings())
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
            governor=self.governor,
            doubt=self.doubt,
        )
        import_loop = Importing(
            parts,
            self._settings,
            lambda: self.live.library.senders,
            self._wake_parsing,
            domains=lambda: self.live.library.domains,
            silent=lambda: self.live.library.silent,
        )
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

    def _wake_parsing(self, pending: int) -> None:
        if pending >= self._settings().parsing.trigger_pending:
            self.parsing.wake()

    def _telling(self) -> Telling:
        return Telling(
            lambda: self.live,
            (self.importing, self.parsing, self.cleanup),
            self.gate,
            self.skew,
            self.clock,
            self.identity.node,
            self.started_at,
            tokens_trouble=lambda: self.live.gmail.tokens_trouble or self.doubt.reason,
            governor=self.governor,
        )

    async def _run_loops(self, telling: Telling) -> None:
        try:
            await self._run_until_stop(telling)
        except BaseExceptionGroup as group:
            broken, _ = group.split(LoopBroken)
            raise group if broken is None else broken.exceptions[0] from None
        with suppress(StorageUnavailable):
            async with self.database.write() as connection:
                await claims.release(connection, owner=self.identity.owner)

    async def _run_until_stop(self, telling: Telling) -> None:
        async with asyncio.TaskGroup() as group:
            wake = self.importing.wake
            watching = group.create_task(
                watch_requests(self.database, self.clock, self.stop, wake, gate=self.gate, only=self.only)
            )
            telling_people = group.create_task(self._notices().run(self.stop))
            try:
                await supervise(
                    telling.loops,
                    clock=self.clock,
                    stop=self.stop,
                    grace=self._settings().daemon.grace.total_seconds(),
                    on_tick=telling.tell_systemd,
                    on_pulse=telling.feed_watchdog,
                )
            finally:
                self.stop.set()
                watching.cancel()
                telling_people.cancel()

    def _notices(self) -> Notices:
        return Notices(
            self.database, self.session, self.clock, lambda: self._settings().notices, self._trouble, self.only
        )

    def _trouble(self) -> str | None:
        """Why nobody, or not everybody, is visited."""
        return self.gate.reason or self.live.gmail.tokens_trouble or self.doubt.reason

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
            self.live = succeed(self.live, loaded, live)
            self.parsing.wake()  # mended bank files read again what the former ones could not
        finally:  # systemd waits for it
            systemd.ready()
