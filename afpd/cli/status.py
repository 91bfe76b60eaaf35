"""`afpd status`: the state of the running daemon, for people, programs and monitoring."""

import time
from typing import Any

import click

from afpd.cli.alarms import Level, alarms, plugin_line
from afpd.cli.answer import answer, answer_json, complain
from afpd.cli.call import Call, verb
from afpd.cli.daemon_state import State, ask
from afpd.cli.status_page import page
from afpd.config import Settings
from afpd.errors import AfpdError, DaemonUnreachable

WATCH_SECONDS = 2.0


@verb("status")
@click.option("--watch", is_flag=True, help="Show it anew every two seconds, until Ctrl-C.")
@click.option("--check", is_flag=True, help="Be a plugin of Nagios: one line, exit code 0, 1, 2 or 3.")
def status(call: Call, watch: bool, check: bool) -> None:
    """Ask the running daemon for its state.

    Exit code 69 when no daemon answers. docs/commands.md tells what --check finds worth an alarm.
    """
    if watch and check:
        raise click.UsageError("--watch and --check do not go together.")
    if check:
        click.get_current_context().exit(_check(call))
    settings = call.settings()
    state = ask(settings)
    if watch:
        _watch(call, settings, state)
    else:
        _show(call, settings, state)


def _show(call: Call, settings: Settings, state: State) -> None:
    if call.as_json:
        answer_json(state)
    else:
        answer(*page(state, settings.zone))


def _watch(call: Call, settings: Settings, state: State) -> None:
    try:
        while True:
            if not call.as_json:
                click.clear()
            _show(call, settings, state)
            state = _next(settings)
    except KeyboardInterrupt:
        return


def _next(settings: Settings) -> State:
    """Return the state at the next look; while nobody answers, say so and go on looking."""
    while True:
        time.sleep(WATCH_SECONDS)
        try:
            return ask(settings)
        except AfpdError as error:
            complain(str(error))


def _check(call: Call) -> Level:
    state: State | None = None
    try:
        state = ask(call.settings())
        found = alarms(state)
        level = found[0].level if found else Level.OK
        told = "; ".join(alarm.why for alarm in found) or _well(state)
    except DaemonUnreachable as error:
        level, told = Level.CRITICAL, str(error)
    except (AfpdError, KeyError, TypeError) as error:
        level, told = Level.UNKNOWN, str(error)
    if call.as_json:
        answer_json({"level": level.name, "exit_code": level.value, "why": told, "status": state})
    else:
        answer(" ".join(plugin_line(level, told, state).splitlines()))
    return level


def _well(state: dict[str, Any]) -> str:
    counts = state["integrations"]
    return f"{counts['active']} integrations followed, {state['transactions']['created_today']} transactions today"
