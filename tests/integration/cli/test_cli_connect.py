"""`afpd integrations connect` as a process, against the sandbox's consent page."""

import asyncio
import json
import re
import urllib.request
import webbrowser

import aiohttp
import pytest
from click.testing import CliRunner
from support.browsing import sign_in

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


async def connected(place, decide, *options):
    """Connect as a process, while a person decides on the page; return how it ended and what the browser showed."""
    process = await place.start("integrations", "connect", "--user", "user_1", *options)
    shown = await decide(await page_of(process))
    async with asyncio.timeout(30):
        stdout, stderr = await process.communicate()
    return process.returncode, stdout.decode(), stderr.decode(), shown


async def test_a_person_chooses_the_account_on_the_page_and_the_browser_is_led_back(place, sandbox):
    code, stdout, _, shown = await connected(place, lambda url: sign_in(url, account=BRUNO), "--json")
    assert (code, json.loads(stdout)["email_account"]) == (0, BRUNO)
    assert shown[0] == 200
    assert "Thank you" in shown[1]


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        ({"decision": "deny"}, "Access was not granted"),
        ({"untick": "https://www.googleapis.com/auth/gmail.readonly"}, "was not ticked"),
        ({"account": BRUNO}, f"signed in as {BRUNO}, not as {ANA}"),
    ],
)
async def test_what_a_person_decides_otherwise_is_said_and_changes_nothing(place, sandbox, decision, words):
    code, stdout, stderr, _ = await connected(place, lambda url: sign_in(url, **decision), "--email", ANA)
    assert (code, stdout, await stored(place)) == (1, "", [])
    assert words in stderr.splitlines()[-1]


async def test_the_address_of_the_page_that_did_not_load_is_pasted(place, sandbox):
    process = await place.start("integrations", "connect", "--user", "user_1", "--email", ANA, "--manual", "--json")
    _, address = await sign_in(await page_of(process), follow=False)
    stdout, _ = await process.communicate(f"{address}\n".encode())
    assert (process.returncode, json.loads(stdout)["email_account"]) == (0, ANA)


async def test_a_mailbox_of_a_service_account_is_tried_and_added(place, sandbox, delegated):
    result = await delegated("--email", ANA, "--json")
    told = json.loads(result.stdout)
    assert (told["credential"], told["new"], told["email_account"]) == ("service_account", True, ANA)
    assert sandbox.traffic.requests["getProfile"] == 1
    (found,) = await stored(place)
    assert (found["sealed_refresh_token"], found["sealed_access_token"]) == (None, None)
    listed = await asyncio.to_thread(CliRunner().invoke, root, ("integrations", "list"))
    assert "service_account" in listed.stdout


@pytest.mark.parametrize(
    ("trouble", "email", "words"),
    [
        (lambda desk: desk.delegation.refusing.add("example.com"), ANA, "Domain-wide delegation"),
        (lambda desk: desk.delegation.scopes.clear(), ANA, "gmail.scope"),
        (lambda desk: setattr(desk.delegation, "key_deleted", True), ANA, "key of service_account_file"),
        (lambda desk: None, "nobody@example.com", "knows no user of this address"),
    ],
)
async def test_a_delegation_that_does_not_suffice_is_said_and_changes_nothing(
    place, sandbox, delegated, trouble, email, words
):
    trouble(sandbox.tokens)
    result = await delegated("--email", email, fails=1)
    assert (result.stdout, await stored(place)) == ("", [])
    assert words in result.stderr


async def test_signing_in_replaces_a_service_account_and_the_other_way_round(place, sandbox, connect, delegated):
    for run, credential in ((delegated, "service_account"), (connect, "oauth"), (delegated, "service_account")):
        told = json.loads((await run("--email", ANA, "--json")).stdout)
        assert (told["id"], told["credential"]) == (1, credential)
        (found,) = await stored(place)
        assert (found["sealed_refresh_token"] is None) is (credential == "service_account")


@pytest.fixture
def delegated(place, sandbox, connect):
    """Connect by the service account whose key file the sandbox gives."""
    sandbox.write_service_account(place.folder / "service_account.json", sandbox_url(place))
    place.config.write_text(
        place.config.read_text().replace("[gmail]\n", '[gmail]\nservice_account_file = "service_account.json"\n')
    )

    async def run(*options, fails=0):
        return await connect("--service-account", *options, fails=fails)

    return run


def sandbox_url(place):
    return re.search(r'api_url = "(.*)"', place.config.read_text())[1]


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("connect", "--service-account"), 2, "--service-account needs --email"),
        (("connect", "--service-account", "--email", ANA, "--manual"), 2, "nobody signs in"),
        (("connect", "--service-account", "--email", ANA), 77, "service_account_file is not set"),
        (("add", "--service-account", "--email", ANA), 77, "service_account_file is not set"),
        (("add", "--service-account", "--email", ANA, "--refresh-token-file", "-"), 2, "give one of the two"),
    ],
)
def test_a_service_account_that_is_not_there_or_not_fitting_is_said(afpd, options, code, words):
    verb, *more = options
    assert words in afpd("integrations", verb, "--user", "user_1", *more, fails=code).stderr


async def test_service_accounts_are_added_without_asking_google_also_from_a_list(place, sandbox, delegated):
    lines = [
        {"user": "1", "email": ANA, "credential": "service_account"},
        {"user": "2", "email": BRUNO, "refresh_token": "1//x"},
    ]
    source = place.write("list.jsonl", "".join(f"{json.dumps(line)}\n" for line in lines))
    result = await asyncio.to_thread(CliRunner().invoke, root, ("integrations", "add", "--from", str(source), "--json"))
    told = json.loads(result.stdout)["integrations"]
    assert [one["credential"] for one in told] == ["service_account", "oauth"]
    options = ("integrations", "add", "--user", "3", "--email", "c@example.com", "--service-account")
    result = await asyncio.to_thread(CliRunner().invoke, root, options)
    assert result.exit_code == 0
    assert sandbox.traffic.requests["token"] == 0


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"credential": "magic"}, '"credential" must be oauth or service_account'),
        ({"credential": "service_account", "refresh_token": "1//s3cret"}, "exclude each other"),
        ({"credential": "oauth"}, '"refresh_token" is missing'),
    ],
)
def test_a_line_of_a_list_that_names_no_credential_is_refused(afpd, place, more, words):
    source = place.write("list.jsonl", json.dumps({"user": "1", "email": ANA} | more))
    result = afpd("integrations", "add", "--from", str(source), fails=1)
    assert words in result.stderr
    assert "s3cret" not in result.output


@pytest.mark.parametrize("mode", [0o644, 0o640])
def test_a_service_account_key_that_others_can_read_is_refused(afpd, place, mode):
    place.write("service_account.json", "{}", mode)
    place.config.write_text(
        place.config.read_text().replace("[gmail]\n", '[gmail]\nservice_account_file = "service_account.json"\n')
    )
    options = ("--user", "user_1", "--email", ANA, "--service-account")
    assert "chmod 600" in afpd("integrations", "add", *options, fails=77).stderr


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
