"""docs/commands.md tells of every verb, with every option in the words of its help, and of nothing else."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from afpd import errors
from afpd.cli import alarms
from afpd.cli.lazy import LazyGroup
from afpd.cli.root import root
from afpd.cli.transactions import COLUMNS

DOCS = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
EVERYWHERE = {"--config", "--json", "--help"}
Verb = tuple[str, click.Command]


def verbs(group: LazyGroup = root, path: str = "afpd") -> Iterator[Verb]:
    for name in group.places:
        command = group.get_command(click.Context(group), name)
        assert command is not None
        if isinstance(command, LazyGroup):
            yield from verbs(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


VERBS = dict(verbs())


def section(path: str) -> str:
    found = re.search(rf"^### `{re.escape(path)}[^`\n]*`\n(.*?)(?=^##|\Z)", DOCS, re.DOTALL | re.MULTILINE)
    assert found is not None, f"docs/commands.md has no section for {path}"
    return found[0]


def rows(command: click.Command) -> set[str]:
    found = set()
    for option in command.params:
        if isinstance(option, click.Option) and option.opts[0] not in EVERYWHERE:
            default = f" Default: {option.default}." if option.show_default else ""
            found.add(f"| `{option.opts[0]}{written_value(option)}` | {option.help}{default} |")
    return found


def written_value(option: click.Option) -> str:
    """What stands behind the option, its bars escaped as a table of Markdown asks."""
    choices = "|".join(option.type.choices) if isinstance(option.type, click.Choice) else ""
    value = "" if option.is_flag else f" {option.metavar or choices}"
    return value.replace("|", "\\|")


@pytest.mark.parametrize("path", VERBS)
def test_the_verb_has_a_section_with_every_option_in_its_own_words(path):
    told = set(re.findall(r"^\| `--.*\|$", section(path), re.MULTILINE))
    assert told == rows(VERBS[path])


@pytest.mark.parametrize("path", VERBS)
def test_the_heading_names_what_must_be_given(path):
    heading = section(path).splitlines()[0]
    for argument in VERBS[path].params:
        if isinstance(argument, click.Argument):
            assert f" {argument.metavar}" in heading


def test_no_section_tells_of_a_verb_that_does_not_exist():
    headings = re.findall(r"^### `(afpd [^`]*)`$", DOCS, re.MULTILINE)
    assert len(headings) == len(VERBS)


def test_every_exit_code_is_explained():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.AfpdError)]
    for code in {0, 2, 130} | {kind.exit_code for kind in kinds}:
        assert re.search(rf"^\| {code} \|", DOCS, re.MULTILINE), code


def test_the_limits_of_check_are_those_of_the_code():
    told = section("afpd status")
    for words in (
        f"{alarms.SHARE:.0%} of the active", f"{alarms.HALF:.0%}", f"{alarms.FAILURES[0]} ticks", f"{alarms.FAILURES[1]} ticks",
        f"{alarms.UNREAD} unmatched", f"{alarms.BEHIND} pending", f"{alarms.SKEW_SECONDS:.0f} seconds",
        f"{alarms.OVERDUE.total_seconds() / 60:.0f} minutes",
    ):  # fmt: skip
        assert words in told, words


def test_the_columns_of_the_export_are_listed_in_their_order():
    assert f"`{','.join(COLUMNS)}`" in section("afpd transactions export").replace("\n", "")
