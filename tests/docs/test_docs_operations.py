"""docs/operations.md holds every error, every log event and every field of /status, and tells of none that is not there."""

import ast
import inspect
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from support.world import world

from afpd import errors
from afpd.clock import SystemClock
from afpd.config import Settings
from afpd.loops.governor import Governor
from afpd.model import Counts, EmailCounts, IntegrationCounts, LoopState, Pause
from afpd.status import Snapshot
from afpd.status.fresh import Answer
from afpd.store import counts as stored_counts

ROOT = Path(__file__).parents[2]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
EXIT_CODES = {"0", "1", "2", "69", "75", "77", "78", "130"}
LOOPS = ("import", "parsing", "cleanup")
# Only there while the database is late.
EXCUSES = {"snapshot_age_seconds", "snapshot_old_because"}
_LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
_EVENT = re.compile(r"[a-z_]+\.[a-z_]+")


def section(heading: str) -> str:
    """Return the text below a heading of the second level."""
    return OPERATIONS.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def rows(heading: str) -> dict[str, list[str]]:
    """Return the table rows of a section: first cell without its quotes -> the other cells."""
    cells = [line.strip("| ").split(" | ") for line in section(heading).splitlines() if line.startswith("| ")]
    return {first.strip("`"): [cell.strip() for cell in others] for first, *others in cells[1:]}


@dataclass(frozen=True)
class Emitted:
    """A log event as a line of the code emits it; `level` is None where it is chosen at run time."""

    name: str
    level: str | None


@cache
def emitted() -> list[Emitted]:
    """Return the events of every log call in the package."""
    files = sorted((ROOT / "afpd").rglob("*.py"))
    calls = (node for file in files for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call))
    return [event for call in calls if call.args and (event := _event(call))]


def _event(call: ast.Call) -> Emitted | None:
    name = call.args[0]
    if not (isinstance(name, ast.Constant) and isinstance(name.value, str) and _EVENT.fullmatch(name.value)):
        return None
    match call.func:
        case ast.Attribute(value=ast.Name(id="log" | "logger"), attr=level) if level in _LEVELS:
            return Emitted(name.value, "error" if level == "exception" else level)
        case ast.Name(id="tell"):
            return Emitted(name.value, None)
    return None


def error_classes() -> dict[str, type[errors.AfpdError]]:
    """Return every error class of afpd by its name."""
    return {name: kind for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception)}


def flattened(record: dict[str, object], prefix: str = "") -> set[str]:
    """Return the dotted names of everything in an object that holds no other object."""
    found = set()
    for key, value in record.items():
        found |= flattened(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}"}
    return found


def test_there_is_a_row_for_every_error_and_for_no_other():
    assert set(rows("Errors")) == set(error_classes())


@pytest.mark.parametrize("name", sorted(error_classes()))
def test_the_row_of_an_error_says_what_it_means_what_follows_and_what_to_do(name):
    cells = rows("Errors")[name]
    assert len(cells) == 3
    assert all(cells)


@pytest.mark.parametrize("name", sorted(error_classes()))
def test_the_row_of_an_error_names_the_exit_code_it_has_of_its_own(name):
    code = error_classes()[name].exit_code
    assert code == 1 or f"({code})" in rows("Errors")[name][1]


def test_every_exit_code_has_a_row():
    assert set(rows("Exit codes")) == EXIT_CODES
    assert {str(kind.exit_code) for kind in error_classes().values()} <= EXIT_CODES


def test_there_is_a_row_for_every_log_event_and_for_no_other():
    assert emitted()
    assert set(rows("Log events")) == {event.name for event in emitted()}


def test_the_row_of_a_log_event_names_its_level():
    told = {name: cells[0] for name, cells in rows("Log events").items()}
    wrong = [event for event in emitted() if event.level is not None and told[event.name] != event.level]
    assert wrong == []


async def test_there_is_a_row_for_every_field_of_status_and_for_no_other(tmp_path):
    told = set(rows("Fields of /status"))
    general = {field.replace("*", name) for field in told if "*" in field for name in LOOPS}
    assert general | {field for field in told if "*" not in field} == await _fields(tmp_path)


async def _fields(tmp_path: Path) -> set[str]:
    """Return the fields of a real snapshot, over real counts and what real ticks came to."""
    async with world(tmp_path) as here:
        address = "ana@example.com"
        await here.connect(address)
        here.receive(address)
        now = datetime.now(UTC)
        ticks = {"import": here.importing.tick, "parsing": here.parsing.tick, "cleanup": here.cleanup.tick}
        states = {name: LoopState(last=await tick(now)) for name, tick in ticks.items()}

        async def count() -> Counts:
            async with here.database.read() as connection:
                return await stored_counts.count_all(
                    connection, now=now, today_began=now, stale_after=3, tick=here.settings.imports.every
                )

        snapshot = Snapshot(
            counts=count, loops=lambda: states, gmail=lambda: Pause("quota", "a reason"), quota=_quota, clock_skew=lambda: None,
            node="node-1", clock=SystemClock(),
        )  # fmt: skip
        fields = flattened(await snapshot.build())
        await snapshot.close()
    return fields | EXCUSES | {f"loops.{name}.last" for name in LOOPS}


def _quota() -> dict[str, float | None]:
    return {"units_used": 7, **Governor(SystemClock(), lambda: Settings().gmail.budget).report(active=3)}


def test_the_fields_of_an_excuse_are_those_of_the_code():
    snapshot = Snapshot(
        counts=_never,
        loops=dict,
        gmail=lambda: None,
        quota=_quota,
        clock_skew=lambda: None,
        node="",
        clock=SystemClock(),
    )
    late = Answer(Counts(IntegrationCounts(), EmailCounts()), 2.0, late=True)
    assert set(snapshot._excuse(late)) == EXCUSES


async def _never() -> Counts:
    raise AssertionError("nobody asks")
