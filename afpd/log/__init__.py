"""Logs: one line per event to stderr, in UTC, without secrets; the lines of libraries take the same way."""

import atexit
import logging
import os
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO, cast

import structlog
from structlog.typing import FilteringBoundLogger

from afpd.log.redact import redact
from afpd.log.sink import Outlet, Sink, detect_format, renderer

__all__ = ["configure", "flush", "get"]

# Repeats of a warning within so many seconds are counted instead of said.
REPEATS_WINDOW = 60.0
# They would write every statement, with its values, and every request.
_QUIET = ("sqlalchemy", "aiosqlite", "aiohttp.access", "asyncio")

_sinks: list[Sink] = []


def configure(
    level: str = "info",
    format: str = "auto",
    stream: TextIO | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    repeats_window: float = REPEATS_WINDOW,
) -> None:
    """Write lines of `level` and above to `stream` (stderr) in `format`: auto, json, journal or pretty.

    May be called again, to change any of it; loggers that exist follow.
    """
    target = stream or sys.stderr
    chosen = detect_format(target, environ) if format == "auto" else format
    threshold = logging.getLevelNamesMapping()[level.upper()]
    _lead_to(Sink(stream, renderer(chosen, target, environ), repeats_window), threshold)
    _route_libraries(threshold)


def get(name: str) -> FilteringBoundLogger:
    """Return the logger of that name; may be called before `configure`, and follows it."""
    return cast(FilteringBoundLogger, structlog.get_logger(name))


def flush() -> None:
    """Write the repeats that are still only counted; happens by itself at the end of the process."""
    for sink in _sinks:
        sink.flush()


def _lead_to(sink: Sink, threshold: int) -> None:
    flush()
    _sinks[:] = [sink]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _hand_over,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda name="afpd": Outlet(sink, name),
        cache_logger_on_first_use=False,
    )


def _hand_over(outlet: Outlet, _: str, event: MutableMapping[str, Any]) -> tuple[tuple[dict[str, Any]], dict[str, Any]]:
    return (redact({"logger": outlet.name, **event}),), {}


class _Library(logging.Handler):
    """Leads the lines of libraries, which use the logging of the standard library, into ours."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            log = get(record.name)
            log.log(record.levelno, record.getMessage(), exc_info=record.exc_info)
        except Exception:  # noqa: BLE001 - logging.Handler's rule: emit never raises
            self.handleError(record)


def _route_libraries(threshold: int) -> None:
    root = logging.getLogger()
    root.handlers = [_Library()]
    # Chatter of libraries at info tells an operator nothing; looking for a fault, one asks for debug.
    root.setLevel(logging.INFO if threshold <= logging.DEBUG else max(threshold, logging.WARNING))
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))


# Until somebody configures it: warnings to stderr. structlog's own default is stdout, where only answers belong.
_lead_to(Sink(None, renderer("json", sys.stderr, {}), REPEATS_WINDOW), logging.WARNING)
atexit.register(flush)
