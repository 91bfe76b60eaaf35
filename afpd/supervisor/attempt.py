"""One tick of one loop: what ends it, and what is kept and logged of it."""

import asyncio
from collections.abc import Mapping
from datetime import datetime

from structlog import get_logger

from afpd.errors import AfpdError
from afpd.supervisor.loop import Loop

log = get_logger(__name__)


async def attempt(loop: Loop, at: datetime) -> None:
    """Let the loop tick once, scheduled for `at`, and keep and log how it ended; a failing tick does not raise."""
    loop.begin()
    began = loop.clock.monotonic()
    outcome = await _outcome(loop, at)
    seconds = loop.clock.monotonic() - began
    if isinstance(outcome, BaseException):
        _record_failure(loop, outcome, seconds)
    else:
        _record_success(loop, outcome, seconds)


async def _outcome(loop: Loop, at: datetime) -> Mapping[str, object] | BaseException:
    """Return what the tick returned, or the exception that ended it; only a cancel of the loop itself passes."""
    try:
        return await loop.tick(at)
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        return error  # something that the tick awaited was cancelled: the tick's own trouble
    except Exception as error:  # noqa: BLE001 - whatever a tick meets, its loop goes on
        return error


def _record_success(loop: Loop, last: Mapping[str, object], seconds: float) -> None:
    if loop.state.failures_in_a_row:
        log.info("loop.recovered", loop=loop.name, failures=loop.state.failures_in_a_row)
    loop.succeed(last, seconds)
    log.info("loop.ticked", **{**last, "loop": loop.name, "seconds": round(seconds, 3)})


def _record_failure(loop: Loop, error: BaseException, seconds: float) -> None:
    expected = _is_expected(error)
    # A bug's message may quote what it choked on, and that may come from a mail: only its name is shown.
    why = _sentence(error) if expected else type(error).__name__
    loop.fail(why, seconds, bug=not expected)
    log.error(
        "loop.tick_failed",
        loop=loop.name,
        error=why,
        failures_in_a_row=loop.state.failures_in_a_row,
        seconds=round(seconds, 3),
        exc_info=None if expected else error,
    )


def _sentence(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(dict.fromkeys(_sentence(each) for each in error.exceptions))
    return str(error)


def _is_expected(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_is_expected(each) for each in error.exceptions)
    return isinstance(error, AfpdError)
