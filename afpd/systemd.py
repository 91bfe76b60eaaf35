"""What the daemon tells systemd: the datagrams of sd_notify(3) and the watchdog of sd_watchdog_enabled(3).

Without systemd ($NOTIFY_SOCKET unset) every function does nothing, silently. None of them raises: a supervisor that
cannot be told is no reason to stop reading mail.
"""

import os
import socket
import time

LONGEST_STATUS = 200  # characters; `systemctl status` shows one line
LONGEST_SEND = 0.2  # seconds that a full socket of systemd may hold us up


def ready(status: str = "") -> bool:
    """Say that the start, or a reload, is over; `status` is shown by `systemctl status`. True when it was sent."""
    return _notify("READY=1", *_status_line(status))


def status(text: str) -> bool:
    """Show one line of text in `systemctl status`. True when it was sent."""
    return _notify(*_status_line(text))


def reloading() -> bool:
    """Say that a reload begins; `ready` ends it. True when it was sent."""
    return _notify("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")


def stopping(status: str = "") -> bool:
    """Say that the daemon is on its way out. True when it was sent."""
    return _notify("STOPPING=1", *_status_line(status))


def watchdog() -> bool:
    """Say that the daemon lives. True when it was sent."""
    return _notify("WATCHDOG=1")


def watchdog_interval() -> float | None:
    """Return after how many seconds without a `watchdog` systemd kills us, or None when it does not watch us."""
    try:
        seconds = int(os.environ["WATCHDOG_USEC"]) / 1e6
        watched = int(os.environ.get("WATCHDOG_PID", os.getpid()))
    except (KeyError, ValueError):
        return None
    return seconds if seconds > 0 and watched == os.getpid() else None


class Watchdog:
    """Feeds systemd's watchdog, however often it is asked, no oftener than every third of its interval."""

    def __init__(self) -> None:
        self._interval = watchdog_interval()
        self._fed: float | None = None

    def feed(self, now_monotonic: float) -> bool:
        """Say that the daemon lives, unless that was said a moment ago. True when it was sent."""
        if self._interval is None:
            return False
        if self._fed is not None and now_monotonic - self._fed < self._interval / 3:
            return False
        self._fed = now_monotonic
        return watchdog()


def _status_line(text: str) -> tuple[str, ...]:
    line = " ".join(text.split())
    return (f"STATUS={line[:LONGEST_STATUS]}",) if line else ()


def _notify(*assignments: str) -> bool:
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not assignments or not address.startswith(("/", "@")):
        return False
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.settimeout(LONGEST_SEND)
            channel.connect("\0" + address[1:] if address.startswith("@") else address)
            channel.sendall("\n".join(assignments).encode("utf-8", "replace"))
    except OSError:
        return False
    return True
