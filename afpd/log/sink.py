"""Where lines go, and what they look like there."""

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TextIO

import structlog

from afpd.log.repeats import Event, Repeats

Renderer = Callable[[Event], str]

# sd-daemon(3): a line that begins with <N> is of syslog(3) priority N.
_PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
_FIRST_KEYS = ("timestamp", "level", "event")


class Sink:
    """Writes events to a stream (None: stderr), a line each. Never raises: a full disk must not stop what is logged."""

    def __init__(self, stream: TextIO | None, render: Renderer, window: float) -> None:
        self._stream = stream
        self._render = render
        self._repeats = Repeats(window)
        self._lock = threading.RLock()

    def emit(self, event: Event) -> None:
        """Write one event, and whatever became due before it."""
        with self._lock:
            self._write(self._repeats.admit(event, time.monotonic()))

    def flush(self) -> None:
        """Write what was held back as a repeat."""
        with self._lock:
            self._write(self._repeats.flush())

    def _write(self, events: list[Event]) -> None:
        stream = self._stream or sys.stderr
        try:
            stream.write("".join(f"{self._render(event)}\n" for event in events))
            stream.flush()
        except (OSError, ValueError):
            return


class Outlet:
    """The end of one named logger. structlog calls the method that is named as the level."""

    __slots__ = ("_sink", "name")

    def __init__(self, sink: Sink, name: str) -> None:
        self._sink = sink
        self.name = name

    def _emit(self, event: Event) -> None:
        self._sink.emit(event)

    debug = info = warning = error = critical = _emit


def detect_format(stream: TextIO, environ: Mapping[str, str]) -> str:
    """Return journal when `stream` leads there (systemd.exec(5), JOURNAL_STREAM), pretty for a terminal, else json."""
    if _identity(stream) == environ.get("JOURNAL_STREAM", ""):
        return "journal"
    return "pretty" if stream.isatty() else "json"


def renderer(chosen: str, stream: TextIO, environ: Mapping[str, str]) -> Renderer:
    """Return what turns an event into a line in the format json, journal or pretty (NO_COLOR: no-color.org)."""
    match chosen:
        case "journal":
            return _journal_line
        case "pretty":
            return _pretty(colors=stream.isatty() and not environ.get("NO_COLOR"))
    return _json_line


def _identity(stream: TextIO) -> str | None:
    try:
        state = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return None
    return f"{state.st_dev}:{state.st_ino}"


def _json_line(event: Event) -> str:
    first = {key: event[key] for key in _FIRST_KEYS if key in event}
    return json.dumps({**first, **event}, default=str)


def _journal_line(event: Event) -> str:
    # The journal has its own time.
    body = {key: value for key, value in event.items() if key != "timestamp"}
    return f"<{_PRIORITIES.get(event.get('level', ''), 6)}>{_json_line(body)}"


def _pretty(*, colors: bool) -> Renderer:
    console = structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)

    def render(event: Event) -> str:
        line: Any = console(None, "", dict(event))
        return str(line)

    return render
