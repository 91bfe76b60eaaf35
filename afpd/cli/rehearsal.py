"""`afpd demo` and `afpd sandbox`: afpd without Google. Neither needs a configuration or an account."""

import asyncio
import sys
from contextlib import nullcontext, redirect_stdout
from dataclasses import fields as fields_of
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from afpd.cli import values
from afpd.cli.answer import answer, answer_json, hint
from afpd.cli.call import Call, verb
from afpd.config import format_duration
from afpd.sandbox.run import RunPlan, run_sandbox

_DEFAULTS = {field.name: field.default for field in fields_of(RunPlan)}
_SECONDS = click.FloatRange(min=0, min_open=True)


@verb("demo")
@click.option("--seconds", type=_SECONDS, metavar="N", help="Stop by itself after so many seconds.")
def demo(call: Call, seconds: float | None) -> None:
    """Show the whole of afpd on this machine, without an account.

    A sandbox, the daemon against it, and what happens on the terminal, until Ctrl-C. Exit code 1 when nothing was read.
    """
    from afpd.cli.demo import run_demo  # noqa: PLC0415 - the sandbox needs nothing of the daemon

    with redirect_stdout(sys.stderr) if call.as_json else nullcontext():
        code = run_demo(seconds)
    if call.as_json:
        answer_json({"ok": code == 0, "exit_code": code})
    click.get_current_context().exit(code)


@verb("sandbox")
@click.option("--folder", default="afpd-sandbox", show_default=True, metavar="DIR", help="Where its files are written.")
@click.option("--host", metavar="ADDRESS", default=_DEFAULTS["host"], show_default=True, help="Address to listen at.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=_DEFAULTS["port"], metavar="PORT", help="Port; 0 takes a free one."
)
@click.option("--demo", is_flag=True, help="The nine people of the demo instead of --users.")
@click.option(
    "--users",
    metavar="N",
    type=click.IntRange(0),
    default=_DEFAULTS["users"],
    show_default=True,
    help="How many users.",
)
@click.option(
    "--mails",
    metavar="N",
    type=click.IntRange(0),
    default=_DEFAULTS["mails"],
    show_default=True,
    help="Mails for each.",
)
@click.option("--every", type=_SECONDS, metavar="SECONDS", help="Deliver a new mail every so many seconds.")
@click.option("--faults", type=click.FloatRange(0, 100), default=0.0, metavar="PERCENT", help="Requests that go wrong.")
@click.option(
    "--seed", metavar="N", type=int, default=_DEFAULTS["seed"], show_default=True, help="The same seed, the same users."
)
@click.option(
    "--visit-every",
    type=values.Checked("duration", values.every),
    default=_DEFAULTS["visit_every"],
    show_default=True,
    metavar="DURATION",
    help="Frequency written into users.jsonl.",
)
@click.option(
    "--token-life",
    metavar="SECONDS",
    type=_SECONDS,
    default=3599.0,
    show_default=True,
    help="How long an access token lives.",
)
def sandbox(call: Call, folder: str, visit_every: timedelta, **plan: Any) -> None:
    """Run a Gmail on localhost with invented users and mails.

    Until Ctrl-C. It writes client_secret.json, users.jsonl and, once it serves, sandbox.json into --folder.
    """
    whole = RunPlan(Path(folder), visit_every=format_duration(visit_every), **plan)
    asyncio.run(run_sandbox(whole, lambda told: _announce(call, told)))


def _announce(call: Call, told: dict[str, Any]) -> None:
    if call.as_json:
        answer_json(told)
        return
    answer(f"a Gmail of {told['users']} users with {told['mails']} mails at {told['url']}")
    answer(f"users and their tokens: {told['users_file']}", f"the OAuth client: {told['client_file']}")
    hint(
        f"point [gmail] api_url = {told['url']!r}, token_url = {told['token_url']!r} and client_file there, then "
        f"`afpd integrations add --from {told['users_file']}`; Ctrl-C ends it"
    )
