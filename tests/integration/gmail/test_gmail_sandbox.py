"""The client against the sandbox: a mailbox followed from its first mail, and every fault that it can play."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
from support.scripted_gmail import Stopwatch

from afpd.config import OAuthClient
from afpd.errors import (
    AccessDenied,
    AccessRevoked,
    AfpdError,
    ClientRejected,
    CursorExpired,
    MessageGone,
    QuotaExhausted,
    RateLimited,
    Unavailable,
)
from afpd.gmail import Access, Gmail, Mailbox, bank_queries
from afpd.gmail.shapes import SearchPage
from afpd.sandbox import Fault, Sandbox
from afpd.sandbox.tokens import CLIENT_ID, CLIENT_SECRET

ANA = "ana@example.com"
OWN_CLIENT = OAuthClient(CLIENT_ID, CLIENT_SECRET)


def mail(sender: str, text: str) -> bytes:
    return f"From: Bank <{sender}>\r\nTo: {ANA}\r\nSubject: Notice\r\n\r\n{text}\r\n".encode()


@pytest.fixture
def sandbox(clock: Stopwatch) -> Sandbox:
    made = Sandbox(clock=clock, seed=7)
    made.add_user(ANA)
    return made


@pytest.fixture
async def gmail(sandbox: Sandbox, gmail_at: Callable[..., Gmail]) -> AsyncIterator[Gmail]:
    async with sandbox.serve() as url:
        yield gmail_at(url, OWN_CLIENT, visit_deadline="5m")


@pytest.fixture
def mailbox(sandbox: Sandbox, gmail: Gmail) -> Mailbox:
    return gmail.mailbox(Access(sandbox.mailboxes[ANA].refresh_token), ANA)


async def test_a_mailbox_is_followed_from_bell_to_bytes(
    sandbox: Sandbox, gmail: Gmail, mailbox: Mailbox, clock: Stopwatch
) -> None:
    start = (await mailbox.profile()).history_id
    content = mail("notices@bank.example", "¡Hola! ₡5 000")
    wanted = sandbox.mailboxes[ANA].deliver(content)
    sandbox.mailboxes[ANA].deliver(mail("friend@example.org", "hello"))
    sandbox.mailboxes[ANA].deliver(mail("notices@bank.example", "spam"), labels=("SPAM",))
    history = await mailbox.history(start)
    assert (len(history.added), wanted in history.added) == (2, True)
    assert history.cursor == (await mailbox.profile()).history_id
    (query,) = bank_queries(["notices@bank.example", "bank2.example"], clock.now() - timedelta(hours=1))
    assert await mailbox.search(query) == SearchPage((wanted,), None)
    message = await mailbox.raw(wanted)
    assert message.raw == content
    assert message.received_at == clock.now()
    assert "INBOX" in message.label_ids
    assert (await mailbox.history(history.cursor)).added == ()
    assert mailbox.server_time == clock.now()
    assert gmail.units_used == sandbox.units == mailbox.units_used


async def test_a_long_history_is_read_over_all_its_pages_with_ids_beyond_63_bits(
    sandbox: Sandbox, gmail: Gmail
) -> None:
    bo = sandbox.add_user("bo@example.com", first_history_id=2**63 + 11)
    mailbox = gmail.mailbox(Access(bo.refresh_token), "bo@example.com")
    start = (await mailbox.profile()).history_id
    ids = {bo.deliver(mail("notices@bank.example", str(n))) for n in range(1203)}
    history = await mailbox.history(start)
    assert set(history.added) == ids
    assert int(history.cursor) == bo.history_id > 2**63
    found: list[str] = []
    token: str | None = None
    while True:
        page = await mailbox.search("from:(notices@bank.example)", token)
        found += page.ids
        token = page.next_page_token
        if token is None:
            break
    assert len(found) == 1203
    assert set(found) == ids


@pytest.mark.parametrize("fault", [Fault.HISTORY_DOUBLED, Fault.HISTORY_SHUFFLED])
async def test_doubled_or_shuffled_history_lists_each_id_once(sandbox: Sandbox, mailbox: Mailbox, fault: Fault) -> None:
    start = (await mailbox.profile()).history_id
    ids = [sandbox.mailboxes[ANA].deliver(mail("a@bank.example", str(n))) for n in range(5)]
    sandbox.faults.add(fault)
    history = await mailbox.history(start)
    assert sorted(history.added) == sorted(ids)
    assert history.cursor == str(sandbox.mailboxes[ANA].history_id)


@pytest.mark.parametrize(
    "fault",
    [Fault.SERVER_500, Fault.SERVER_503, Fault.HTML_502, Fault.LIST_503, Fault.EMPTY_504, Fault.TRUNCATED, Fault.CUT,
     Fault.RESET, Fault.CONCURRENT_429, Fault.EXPIRED_TOKEN_401, Fault.SLOW],
)  # fmt: skip
async def test_passing_trouble_is_overcome_within_the_visit(sandbox: Sandbox, mailbox: Mailbox, fault: Fault) -> None:
    key = sandbox.mailboxes[ANA].deliver(mail("a@bank.example", "x" * 5000))
    # A refused token is renewed once for each request; other trouble may last a little longer.
    sandbox.faults.add(fault, first=1 if fault is Fault.EXPIRED_TOKEN_401 else 2, seconds=0.1)
    assert (await mailbox.raw(key)).email_message_id == key
    assert len((await mailbox.search("from:(a@bank.example)")).ids) == 1


@pytest.mark.parametrize(
    ("fault", "meaning"),
    [
        (Fault.RATE_429, RateLimited),
        (Fault.RATE_429_TIMED, RateLimited),
        (Fault.RATE_429_HEADER, RateLimited),
        (Fault.USER_RATE_403, RateLimited),
        (Fault.RATE_403, QuotaExhausted),
        (Fault.DAILY_403, QuotaExhausted),
        (Fault.NOT_CONFIGURED_403, ClientRejected),
        (Fault.PERMISSIONS_403, AccessDenied),
        (Fault.DOMAIN_POLICY_403, AccessDenied),
        (Fault.PRECONDITION_400, AccessDenied),
        (Fault.INVALID_GRANT, AccessRevoked),
        (Fault.INVALID_CLIENT, ClientRejected),
    ],
)
async def test_a_fault_ends_the_visit_as_what_it_is_and_is_met_once(
    sandbox: Sandbox, mailbox: Mailbox, fault: Fault, meaning: type[AfpdError]
) -> None:
    sandbox.faults.add(fault, method="token" if "invalid" in fault else "getProfile")
    with pytest.raises(meaning) as caught:
        await mailbox.profile()
    assert type(caught.value) is meaning
    assert sandbox.faults.struck[fault] == 1


@pytest.mark.parametrize("fault", [Fault.RATE_429_TIMED, Fault.RATE_429_HEADER])
async def test_a_named_time_is_kept_to(sandbox: Sandbox, mailbox: Mailbox, clock: Stopwatch, fault: Fault) -> None:
    sandbox.faults.add(fault, method="getProfile", seconds=300)
    with pytest.raises(RateLimited) as caught:
        await mailbox.profile()
    assert caught.value.until == clock.now() + timedelta(minutes=5)


async def test_mail_deleted_after_it_was_listed_is_gone(sandbox: Sandbox, mailbox: Mailbox) -> None:
    key = sandbox.mailboxes[ANA].deliver(mail("a@bank.example", "x"))
    sandbox.mailboxes[ANA].delete(key)
    with pytest.raises(MessageGone):
        await mailbox.raw(key)


async def test_an_expired_history_is_told_as_such_and_the_profile_gives_the_way_on(
    sandbox: Sandbox, mailbox: Mailbox
) -> None:
    start = (await mailbox.profile()).history_id
    sandbox.mailboxes[ANA].expire_history()
    with pytest.raises(CursorExpired):
        await mailbox.history(start)
    fresh = (await mailbox.profile()).history_id
    assert (await mailbox.history(fresh)).added == ()


async def test_access_that_a_user_takes_away_is_revoked(sandbox: Sandbox, mailbox: Mailbox) -> None:
    await mailbox.profile()
    sandbox.revoke(ANA)
    with pytest.raises(AccessRevoked):
        await mailbox.profile()


async def test_a_poison_message_leaves_its_neighbours_readable(sandbox: Sandbox, mailbox: Mailbox) -> None:
    bad, good = (sandbox.mailboxes[ANA].deliver(mail("a@bank.example", text)) for text in ("bad", "good"))
    sandbox.faults.add(Fault.TRUNCATED, message_id=bad)
    with pytest.raises(Unavailable):
        await mailbox.raw(bad)
    assert (await mailbox.raw(good)).email_message_id == good


async def test_two_requests_at_once_stay_below_what_one_mailbox_may(sandbox: Sandbox, mailbox: Mailbox) -> None:
    keys = [sandbox.mailboxes[ANA].deliver(mail("a@bank.example", str(n))) for n in range(3)]
    sandbox.concurrent_per_user = 2
    for key in keys:
        await mailbox.raw(key)
    assert not sandbox.faults.struck
