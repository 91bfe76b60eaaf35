"""`afpd check-config`: what is set, where it comes from, and what is wrong with it."""

import click

from afpd import banks
from afpd.cli.answer import answer, answer_json, hint
from afpd.cli.call import Call, verb
from afpd.config import Settings, as_toml, effective, read_keys, read_status_token
from afpd.errors import AfpdError


@verb("check-config")
@click.option("--print", "show", is_flag=True, help="Show every setting and where it comes from; passwords are masked.")
def check_config(call: Call, show: bool) -> None:
    """Read the configuration and tell what is wrong.

    Everything wrong is told at once, with exit code 78. What `afpd run` will miss beside it is told as a remark.
    """
    loaded = call.loaded()
    where = str(loaded.path) if loaded.path else None
    remarks = _remarks(loaded.settings)
    if call.as_json:
        shown = {"settings": effective(loaded.settings), "sources": dict(loaded.sources)} if show else {}
        answer_json({"ok": True, "file": where, "remarks": remarks, **shown})
    elif show:
        answer(*as_toml(loaded).splitlines())
    else:
        answer(f"{where}: the configuration is sound" if where else "no file: everything has its default")
    hint(*(f"remark: {remark}" for remark in remarks))


def _remarks(settings: Settings) -> list[str]:
    """Return what the daemon needs and does not find, or may not read."""
    found = []
    for need in (read_keys, read_status_token, _own_bank_files):
        try:
            need(settings)
        except AfpdError as error:
            found.append(str(error))
    if not settings.database.sqlite_path.parent.is_dir():
        found.append(f"{settings.database.sqlite_path}: its folder does not exist; make it, or change [database] url")
    return found


def _own_bank_files(settings: Settings) -> None:
    for folder in settings.banks.folders:
        banks.in_folder(folder)
