"""`afpd status --check`: what of a daemon's state is worth waking somebody for, as a plugin of Nagios says it.

https://www.monitoring-plugins.org/doc/guidelines.html: exit code 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN; one line.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any

SHARE = 0.01
"""Among many mailboxes some always wait for their owner: fewer than this share of them is no alarm."""

HALF = 0.5
FAILURES = (2, 3)
"""Failed ticks in a row that warn, and that are critical; five bugs in a row end the process."""

UNREAD = 10
"""Unmatched or quarantined mails from which on it is a layout that nobody reads, not a stray mail."""

BEHIND = 1000
OVERDUE = timedelta(minutes=5)
SKEW_SECONDS = 120.0


class Level(IntEnum):
    """How bad it is; the exit code of the plugin."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that is wrong."""

    level: Level
    why: str


def alarms(state: Mapping[str, Any]) -> list[Alarm]:
    """Return what is wrong in the object of /status, the worst first."""
    found = [*_integrations(state), *_emails(state), *_drift(state), *_loops(state), *_surroundings(state)]
    return sorted(found, key=lambda alarm: -alarm.level)


def plugin_line(level: Level, told: str, state: Mapping[str, Any] | None = None) -> str:
    """Return the line of a plugin: its level, what is wrong, and after | the figures to draw."""
    figures = [] if state is None else [f"{name}={value}" for name, value in _figures(state)]
    return f"AFPD {level.name} - {told.replace('|', '/')}" + (f" | {' '.join(figures)}" if figures else "")


def _integrations(state: Mapping[str, Any]) -> Iterator[Alarm]:
    counts = state["integrations"]
    active = counts["active"]
    words = {"error": "need their owner to sign in again or an operator", "stale": "were not verified in time"}
    for name, words_of_it in words.items():
        share = counts[name] / active if active else 0.0
        if counts[name] and share >= SHARE:
            level = Level.CRITICAL if share >= HALF else Level.WARNING
            yield Alarm(level, f"{counts[name]} of {active} integrations {words_of_it} ({name})")
    if (refused := counts.get("history_refused") or 0) and refused >= active * SHARE:
        yield Alarm(Level.WARNING, f"{refused} of {active} integrations are refused their history again and again")
    if counts["quiet"] and counts["quiet"] >= active * HALF:
        yield Alarm(Level.WARNING, f"{counts['quiet']} of {active} integrations get no bank mail any more (quiet)")


def _emails(state: Mapping[str, Any]) -> Iterator[Alarm]:
    limits = {"missing": 1, "unknown_sender": 1, "poison": 1, "failed": 1}
    limits |= {"unmatched": UNREAD, "quarantined": UNREAD, "pending_parsing": BEHIND}
    for name, limit in limits.items():
        if (count := state["emails"].get(name) or 0) >= limit:
            yield Alarm(Level.WARNING, f"{count} mails {name.replace('_', ' ')}")


def _drift(state: Mapping[str, Any]) -> Iterator[Alarm]:
    for one in state.get("drift") or ():
        yield Alarm(Level.WARNING, fall(one))


def fall(one: Mapping[str, Any]) -> str:
    """Return a fall of /status in words."""
    now, usual = f"{one['rate']:.0%}", f"{one['usual_rate']:.0%}"
    template = f"template {one['template']}"
    match one["kind"]:
        case "silent":
            told = f"{template} reads nothing any more, though it read {usual} of the bank's mails"
        case "failing":
            told = f"{template} reads {now} of its mails instead of {usual}"
        case _:
            told = f"{now} of the mails are read instead of {usual}"
            told += f", and {template} is missed most" if one["template"] else ""
    example = f"; example: mail {one['example_id']} of `afpd triage list`" if one["example_id"] else ""
    return f"{one['bank']}: {told}, since {one['since']}{example}"


def _loops(state: Mapping[str, Any]) -> Iterator[Alarm]:
    warns, is_critical = FAILURES
    for name, loop in state["loops"].items():
        failures = loop["failures_in_a_row"]
        if failures >= warns:
            level = Level.CRITICAL if failures >= is_critical else Level.WARNING
            why = f": {loop['last_error']}" if loop.get("last_error") else ""
            yield Alarm(level, f"the {name} loop failed {failures} times in a row{why}")
        now, due = moment_of(state.get("now")), moment_of(loop.get("next_at"))
        if now and due and now - due > OVERDUE and not loop.get("running"):
            yield Alarm(Level.CRITICAL, f"the {name} loop should have started at {loop['next_at']}")


def _surroundings(state: Mapping[str, Any]) -> Iterator[Alarm]:
    pause = state.get("gmail") or {}
    if pause.get("paused_reason"):
        level = Level.WARNING if pause.get("paused_kind") == "quota" else Level.CRITICAL  # a quota ends by itself
        yield Alarm(level, f"nobody is visited: {pause['paused_reason']}")
    elif pause.get("tokens_trouble"):
        yield Alarm(Level.WARNING, f"access tokens: {pause['tokens_trouble']}")
    if abs(skew := state.get("clock_skew_seconds") or 0.0) > SKEW_SECONDS:
        yield Alarm(Level.WARNING, f"this machine's clock is {skew:+.0f} s off Google's")
    if state.get("snapshot_old_because"):
        yield Alarm(Level.WARNING, str(state["snapshot_old_because"]))


def moment_of(text: object) -> datetime | None:
    """Return the moment that a field of /status tells, None where it tells none."""
    return datetime.fromisoformat(text) if isinstance(text, str) else None


def _figures(state: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for table in ("integrations", "emails", "transactions"):
        for name, value in state[table].items():
            yield f"{table}_{name}", value
