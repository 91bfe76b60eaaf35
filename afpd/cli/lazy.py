"""Groups of verbs that are imported only when one of them is used, so that every verb starts quickly."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click


class Place(NamedTuple):
    """Where a verb is: its module and its name there. `summary` is the first line of its help."""

    module: str
    name: str
    summary: str


class LazyGroup(click.Group):
    """A group that knows its verbs by name, in the order in which help shows them."""

    def __init__(self, *args: Any, places: Mapping[str, Place], **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.places = places

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click calls it
        """Return the names of the verbs."""
        return list(self.places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the same
        """Return a verb, imported now, or None for a name that is none."""
        place = self.places.get(cmd_name)
        if place is None:
            return None
        found = getattr(import_module(place.module), place.name)
        return found if isinstance(found, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb that was typed; a name that is none is refused with the one that was probably meant."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            raise click.NoSuchCommand(error.command_name, possibilities=self.places, ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - the same
        """Write the verbs and their summaries without importing them."""
        with formatter.section("Verbs"):
            formatter.write_dl([(name, place.summary) for name, place in self.places.items()])
