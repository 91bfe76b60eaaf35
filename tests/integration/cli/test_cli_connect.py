"""`afpd integrations connect` as a process, against the sandbox's consent page."""

import asyncio
import json
import re
import urllib.request
import webbrowser

import aiohttp
import pytest
from click.testing import CliRunner

from afpd.cli.root import root
from afpd.keyring import Keyring
from afpd.sandbox import Sandbox
from afpd.store.database import Database
from afpd.store.schema import integrations as table
from afpd.store.sealed import open_token

ANA, BRUNO = "ana@example.com", "bruno@example.com"


@pytest.fixture
async def sandbox(place, database):
    sandbox = Sandbox(seed=1)
    sandbox.add_user(ANA)
    sandbox.add_user(BRUNO)
    async with sandbox.serve() as url:
        sandbox.write_client_secret(place.folder / "client_secret.json", url)
        addresses = f'api_url = "{url}"\ntoken_url = "{url}/token"\nauth_url = "{url}/auth"\n'
        place.config.write_text(place.config.read_text().replace("[gmail]\n", f"[gmail]\n{addresses}"))
        yield sandbox


async def page_of(process) -> str:
    """Return the address of the consent page that the command asks to open."""
    while line := (await process.stderr.readline()).decode():
        if found := re.match(r"http\S+", line):
            return found[0]
    raise AssertionError("no page was shown")


class Person(webbrowser.BaseBrowser):
    """A browser whose owner agrees to everything: it follows the redirects to their end."""

    def open(self, url, new=0, autoraise=True):
        with urllib.request.urlopen(url) as page:
            return page.status == 200


@pytest.fixture
def connect(afpd, monkeypatch):
    """Connect as a person with a browser on this machine does; return the exit code and both outputs."""
    monkeypatch.setenv("BROWSER", "person")
    monkeypatch.setattr(webbrowser, "_tryorder", [])
    monkeypatch.setattr(webbrowser, "_browsers", {})
    webbrowser.register("person", None, Person("person"))

    async def run(*options, fails=0):
        arguments = ("integrations", "connect", "--user", "user_1", *options)
        result = await asyncio.to_thread(CliRunner().invoke, root, arguments)
        assert result.exit_code == fails, result.output
        return result

    return run


async def stored(place):
    async with Database(place.database) as database, database.read() as connection:
        return [found._mapping for found in await connection.execute(table.select())]


async def test_a_granted_mailbox_becomes_an_integration(place, sandbox, connect):
    told = json.loads((await connect("--every", "90s", "--json")).stdout)
    assert (told["id"], told["new"], told["email_account"], told["every"]) == (1, True, ANA, "90s")
    (found,) = await stored(place)
    keyring = Keyring.load(place.folder / "afpd.key")
    assert (
        open_token(keyring, 1, "refresh_token", found["sealed_refresh_token"]) == sandbox.mailboxes[ANA].refresh_token
    )


async def test_signing_in_again_keeps_id_and_cursor_and_mends_the_error(place, sandbox, connect):
    await connect("--email", ANA)
    sandbox.revoke(ANA)
    await set_error(place)
    result = await connect("--email", ANA)
    assert result.stdout.startswith("integration 1 of user user_1 (Ana@Example.com): was known")
    (found,) = await stored(place)
    assert (found["import_status"], found["last_error_message"], found["cursor"]) == ("waiting", None, "17")
    keyring = Keyring.load(place.folder / "afpd.key")
    token = open_token(keyring, 1, "refresh_token", found["sealed_refresh_token"])
    assert token == sandbox.mailboxes[ANA].refresh_token != "1//sandbox-ana@example.com"


async def set_error(place):
    async with Database(place.database) as database, database.write() as connection:
        await connection.execute(
            table.update().values(
                import_status="error", last_error_message="x", cursor="17", email_account="Ana@Example.com"
            )
        )


async def test_another_account_than_the_named_one_changes_nothing(place, sandbox, connect):
    sandbox.tokens.consent.user = BRUNO
    result = await connect("--email", ANA, fails=1)
    assert (result.stdout, await stored(place)) == ("", [])
    assert f"signed in as {BRUNO}, not as {ANA}" in result.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("consent", "words"),
    [
        ({"deny": True}, "Access was not granted"),
        ({"scope": "https://www.googleapis.com/auth/userinfo.email"}, "was not ticked"),
    ],
)
async def test_a_grant_that_does_not_suffice_is_said_in_one_line(place, sandbox, connect, consent, words):
    for name, value in consent.items():
        setattr(sandbox.tokens.consent, name, value)
    result = await connect(fails=1)
    assert (result.stdout, await stored(place)) == ("", [])
    hint, page, complaint = result.stderr.splitlines()
    assert hint.startswith("Open this page")
    assert page.startswith("http://127.0.0.1:")
    assert complaint.startswith("afpd: ")
    assert words in complaint


async def test_a_browser_of_ones_own_may_open_the_page(place, sandbox):
    process = await place.start("integrations", "connect", "--user", "user_1")
    async with aiohttp.ClientSession() as browser, browser.get(await page_of(process)) as page:
        assert page.status == 200
    stdout, _ = await process.communicate()
    assert (process.returncode, stdout.decode()) == (0, f"integration 1 of user user_1 ({ANA}): added\n")


async def test_without_a_browser_the_address_is_pasted(place, sandbox):
    process = await place.start("integrations", "connect", "--user", "user_1", "--manual", "--json")
    async with (
        aiohttp.ClientSession() as browser,
        browser.get(await page_of(process), allow_redirects=False) as page,
    ):
        address = page.headers["Location"]
    stdout, _ = await process.communicate(f"{address}\n".encode())
    assert (process.returncode, json.loads(stdout)["email_account"]) == (0, ANA)


async def test_pasting_nothing_is_said_in_words(sandbox):
    options = ("integrations", "connect", "--user", "user_1", "--manual")
    result = await asyncio.to_thread(CliRunner().invoke, root, options, input="\n")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "paste the whole address" in result.stderr.splitlines()[-1]


def test_without_the_oauth_client_it_is_exit_code_77(afpd):
    result = afpd("integrations", "connect", "--user", "user_1", fails=77)
    assert (result.stdout, result.stderr.count("\n")) == ("", 1)
    assert "client_secret.json" in result.stderr


def test_connect_needs_a_user(afpd):
    assert "--user" in afpd("integrations", "connect", fails=2).stderr
