"""`afpd db`: upgrade, check and copy the database. They work beside a running daemon."""

from datetime import UTC, datetime
from pathlib import Path

import click

from afpd.cli import values
from afpd.cli.answer import answer, answer_json, hint
from afpd.cli.call import Call, verb
from afpd.cli.opened import reading
from afpd.errors import NotFound
from afpd.store import backup as store
from afpd.store import integrations
from afpd.store.opening import open_for_run
from afpd.store.upgrade import current_revision


@verb("upgrade")
@click.option(
    "--only",
    type=values.Checked("ids", values.ids),
    metavar="ID[,ID]",
    help="Of a database of the replaced system, take over only these integrations.",
)
def upgrade(call: Call, only: frozenset[int] | None) -> None:
    """Make the database, or bring it to this version.

    A database of the replaced system is taken over, every row kept; a copy of it as it was is written first.
    """
    settings = call.settings()
    path = settings.database.sqlite_path
    before = current_revision(path) if path.exists() else None
    told: list[str] = []

    def say(sentence: str) -> None:
        told.append(sentence)
        hint(sentence)

    open_for_run(settings, now=datetime.now(UTC), only=only, say=say)
    if unknown := reading(settings, lambda connection: integrations.missing(connection, only or ())):
        raise NotFound(f"--only: no integration {', '.join(map(str, unknown))}: `afpd integrations list` shows them")
    after = current_revision(path)
    if call.as_json:
        answer_json({"database": str(path), "before": before, "after": after, "remarks": told})
    else:
        answer(f"{path}: {f'is at revision {after}' if before != after else f'was at revision {after} already'}")


@verb("check")
def check(call: Call) -> None:
    """Look whether the database is sound.

    Nothing is changed. Exit code 1 when something is wrong.
    """
    path = call.settings().database.sqlite_path
    problems = store.check(path)
    if call.as_json:
        answer_json({"database": str(path), "ok": not problems, "problems": problems})
    else:
        answer(*(problems or [f"{path}: sound"]))
    click.get_current_context().exit(1 if problems else 0)


@verb("backup")
@click.argument("target", metavar="PATH")
def backup(call: Call, target: str) -> None:
    """Write a consistent copy, also while the daemon runs.

    The copy is a new file of mode 0600. The key is not in it: keep a copy of the key file elsewhere.
    """
    settings = call.settings()
    path, copy = settings.database.sqlite_path, Path(target)
    store.backup(path, copy)
    if call.as_json:
        answer_json({"database": str(path), "backup": str(copy), "bytes": copy.stat().st_size})
    else:
        answer(f"{copy}: a copy of {path}")
    hint(f"the key is not in it: keep a copy of {settings.key_path} elsewhere")
