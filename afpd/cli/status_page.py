"""The state of a daemon on one screen."""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

from afpd.cli.alarms import alarms, moment_of

_STATES = ("waiting", "running", "suspended", "error")
_UNREAD = ("pending_parsing", "unmatched", "failed", "quarantined", "missing", "unknown_sender", "poison", "clusters")


def page(state: Mapping[str, Any], where: tzinfo) -> list[str]:
    """Return the lines; times are those of the zone `where`."""
    now = moment_of(state.get("now"))
    head = f"afpd {state.get('version')} on {state.get('node')}, up {_span(state.get('uptime_seconds'))}"
    lines = [head + (f", asked at {_clock(now, where)}" if now else ""), ""]
    lines += [*_counts(state), ""]
    lines += [_loop(name, loop, now, where) for name, loop in state["loops"].items()]
    lines += _last_batch(state.get("last_batch"), where)
    lines += [_trouble(trouble) for trouble in state.get("troubles") or ()]
    found = alarms(state)
    if found:
        lines += ["", *(f"{alarm.level.name.lower():<12}  {alarm.why}" for alarm in found)]
    return lines


def _counts(state: Mapping[str, Any]) -> list[str]:
    integrations, emails = state["integrations"], state["emails"]
    states = ", ".join(f"{integrations[name]} {name}" for name in _STATES)
    unread = ", ".join(f"{emails[name]} {name.replace('_', ' ')}" for name in _UNREAD if name in emails)
    return [
        f"integrations  {integrations['total']}, {integrations['active']} of them active: {states}",
        f"              {integrations['stale']} stale, {integrations['quiet']} quiet",
        f"mails         {emails['parsed_today']} read today; {unread}",
        f"transactions  {state['transactions']['created_today']} today",
    ]


def _loop(name: str, loop: Mapping[str, Any], now: datetime | None, where: tzinfo) -> str:
    finished, due = moment_of(loop["last_finished_at"]), moment_of(loop["next_at"])
    parts = ["running" if loop.get("running") else "waits"]
    if finished:
        parts.append(f"last ended {_clock(finished, where)} after {_span(loop['last_duration_seconds'])}")
    if due and now:
        parts.append(f"next in {_span(max(0.0, (due - now).total_seconds()))}")
    if loop["failures_in_a_row"]:
        parts.append(f"{loop['failures_in_a_row']} failures in a row")
    figures = {key: value for key, value in (loop.get("last") or {}).items() if not key.endswith("_id")}
    if figures:
        parts.append(", ".join(f"{value} {key.replace('_', ' ')}" for key, value in figures.items()))
    return f"{name:<12}  {'; '.join(parts)}"


def _last_batch(batch: Mapping[str, Any] | None, where: tzinfo) -> list[str]:
    if not batch:
        return []
    kept = f"{batch['total_emails_processed']} of {batch['total_emails_found']} mails kept"
    started = moment_of(batch["started_at"])
    at = f" at {_clock(started, where)}" if started else ""
    told = f"{batch['id']}{at} {batch['status']}: {batch['batch_size']} visits, {kept}, {batch['errors']} errors"
    return [f"last batch    {told}"]


def _trouble(trouble: Mapping[str, Any]) -> str:
    return f"trouble       {trouble['integrations']} {trouble['state']}: {trouble['reason']}"


def _clock(moment: datetime, where: tzinfo) -> str:
    return moment.astimezone(where).strftime("%H:%M:%S")


def _span(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = int(seconds // 60)
    days, hours = divmod(minutes // 60, 24)
    return f"{days} d {hours} h" if days else f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"
