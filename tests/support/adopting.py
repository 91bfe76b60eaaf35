"""Adoption in a process of its own, so that a test can kill it."""

from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from zoneinfo import ZoneInfo

from afpd.keyring import Keyring
from afpd.store.upgrade import upgrade


def adopt(path: Path, key: bytes, now: datetime, to_test: Connection) -> None:
    """Upgrade the database, telling the test when it begins and when it is done."""
    keyring = Keyring([key])
    to_test.send("begin")
    upgrade(path, keyring=keyring, zone=ZoneInfo("America/Costa_Rica"), now=now, say=lambda _: None)
    to_test.send("done")
