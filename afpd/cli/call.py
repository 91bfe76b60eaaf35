"""What every verb is called with: where the configuration is, and whether the answer shall be JSON."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from afpd.config import Loaded, Settings

_CONFIG = "afpd.cli.config"
HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a verb. `config_file` is None where nobody gave --config."""

    config_file: Path | None
    as_json: bool

    def loaded(self) -> "Loaded":
        """Read the configuration. Raises ConfigError."""
        from afpd.config import load_settings  # noqa: PLC0415 - `afpd --help` and the sandbox need no pydantic

        return load_settings(self.config_file)

    def settings(self) -> "Settings":
        """Return the settings of the configuration. Raises ConfigError."""
        return self.loaded().settings


def _remember(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    # Outer groups are parsed first: the --config that stands last wins.
    if value is not None:
        ctx.meta[_CONFIG] = Path(value)


config_option = click.option(
    "--config",
    metavar="FILE",
    expose_value=False,
    callback=_remember,
    help="The configuration. Else AFPD_CONFIG, ./afpd.toml, /etc/afpd/afpd.toml.",
)


def verb(name: str) -> Callable[[Callable[..., None]], click.Command]:
    """Make a verb of a function that takes a `Call` first: it gets --config and --json beside its own options."""

    def decorate(function: Callable[..., None]) -> click.Command:
        @functools.wraps(function)
        def invoke(as_json: bool, **values: Any) -> None:
            function(Call(click.get_current_context().meta.get(_CONFIG), as_json), **values)

        with_json = click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")(invoke)
        return click.command(name, context_settings=HELP)(config_option(with_json))

    return decorate
