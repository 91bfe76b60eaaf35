"""The composition root of `afpd run`: the only room where things are wired.

1. Take the lock of the database. 2. Load the bank files and the secrets. 3. Upgrade, and adopt an older system's rows.
4. Take over what a dead process left. 5. Serve the status and run the loops, until a signal stops them.
"""

import asyncio
import sys
from collections.abc import Callable

from afpd import log
from afpd.clock import SystemClock
from afpd.config import Loaded, read_client
from afpd.daemon.live import library_of
from afpd.daemon.service import Service
from afpd.store.lock import RunLock
from afpd.store.opening import open_for_run

__all__ = ["library_of", "run"]

# How long a busy thread may keep the interpreter from another one. The default of 5 ms, several times in one answer,
# is what a caller of /status would feel while mail is imported.
_SWITCH_SECONDS = 0.0005


def run(loaded: Loaded, only: frozenset[int] | None, say: Callable[[str], None]) -> None:
    """Run the daemon until SIGTERM or SIGINT. `only` limits visits and adoption to some integrations.

    `say` is told what a person should know before the loops begin. Raises AlreadyRunning, ConfigError, SchemaTooNew,
    SecretError or StorageUnavailable, each a clear sentence, before any loop began; LoopBroken when a loop is gone.
    """
    settings, clock = loaded.settings, SystemClock()
    log.configure(settings.log.level.value, settings.log.format.value)
    sys.setswitchinterval(_SWITCH_SECONDS)
    with RunLock(settings.database.sqlite_path):
        library = library_of(settings)
        read_client(settings)
        keyring = open_for_run(settings, now=clock.now(), only=only, say=say)
        asyncio.run(Service(loaded, clock, keyring, only).serve(library))
