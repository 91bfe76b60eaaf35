"""Google's own Python client lists, gets, batches and follows history against the sandbox."""

import asyncio
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator
from typing import Any

import httplib2
import pytest
from google.oauth2.credentials import Credentials
from google_auth_httplib2 import AuthorizedHttp, Request
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError
from googleapiclient.http import BatchHttpRequest

from afpd.sandbox import Fault, Sandbox


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.fixture
async def gmail(sandbox: Sandbox, url: str) -> AsyncIterator[Any]:
    """Google's service for the user ana, with a token from the sandbox's token endpoint."""
    client = sandbox.client_secret(url)["installed"]
    credentials = Credentials(
        None,
        refresh_token=sandbox.mailboxes["ana@example.com"].refresh_token,
        token_uri=client["token_uri"],
        client_id=client["client_id"],
        client_secret=client["client_secret"],
    )
    connection = httplib2.Http()
    # Refreshed here, because a batch would refresh over a connection that it never closes.
    await asyncio.to_thread(credentials.refresh, Request(connection))
    authorized = AuthorizedHttp(credentials, connection)
    service = build("gmail", "v1", http=authorized, static_discovery=True, client_options={"api_endpoint": url})
    yield service
    service.close()


async def run(request: Any) -> Any:
    return await asyncio.to_thread(request.execute)


async def test_it_lists_all_pages_with_a_query(gmail: Any, sandbox: Sandbox) -> None:
    listed: list[str] = []
    request = gmail.users().messages().list(userId="me", q="from:(baccredomatic.cr OR bncr.fi.cr)", maxResults=2)
    while request is not None:
        answer = await run(request)
        listed += [message["id"] for message in answer["messages"]]
        request = gmail.users().messages().list_next(request, answer)
    wanted = [
        mail["id"] for mail in sandbox.mails() if mail["layout"].startswith(("cr-bac-card", "cr-bac-sinpe", "cr-bn"))
    ]
    wanted = [mail for mail in wanted if mail in listed]
    assert len(listed) == len(set(listed)) == 5
    assert sorted(listed) == sorted(wanted)


async def test_it_gets_the_exact_message(gmail: Any, sandbox: Sandbox) -> None:
    message = next(iter(sandbox.mailboxes["ana@example.com"].messages.values()))
    answer = await run(gmail.users().messages().get(userId="me", id=message.id, format="raw"))
    assert decoded(answer["raw"]) == message.raw
    assert int(answer["internalDate"]) == message.internal_date


async def test_it_downloads_an_attachment(gmail: Any, sandbox: Sandbox) -> None:
    message = sandbox.mailboxes["ana@example.com"].deliver(b"Content-Type: text/html\r\n\r\n" + b"y" * 6000)
    part = (await run(gmail.users().messages().get(userId="me", id=message)))["payload"]["body"]
    body = await run(
        gmail.users().messages().attachments().get(userId="me", messageId=message, id=part["attachmentId"])
    )
    assert decoded(body["data"]) == b"y" * 6000


async def test_it_follows_history_over_pages(gmail: Any, sandbox: Sandbox) -> None:
    start = (await run(gmail.users().getProfile(userId="me")))["historyId"]
    mailbox = sandbox.mailboxes["ana@example.com"]
    new = [mailbox.deliver(b"From: a@example.net\r\n\r\nx") for _ in range(5)]
    seen: list[str] = []
    token = None
    while token is not None or not seen:
        # Asked anew for each page: list_next of Google's client rejects a repeated parameter.
        kinds = ["messageAdded", "labelAdded"]
        following = gmail.users().history()
        answer = await run(
            following.list(userId="me", startHistoryId=start, historyTypes=kinds, maxResults=2, pageToken=token)
        )
        seen += [entry["messagesAdded"][0]["message"]["id"] for entry in answer["history"]]
        token = answer.get("nextPageToken")
    assert seen == new


async def test_it_batches_and_each_part_has_its_own_status(gmail: Any, sandbox: Sandbox, url: str) -> None:
    good = [mail["id"] for mail in sandbox.mails()[:3]]
    answers: dict[str, Any] = {}

    def note(request_id: str, response: Any, error: Exception | None) -> None:
        answers[request_id] = error or response["id"]

    batch = BatchHttpRequest(callback=note, batch_uri=f"{url}/batch/gmail/v1")
    for message in [*good, "0000000000000bad"]:
        batch.add(gmail.users().messages().get(userId="me", id=message, format="minimal"), request_id=message)
    await asyncio.to_thread(batch.execute)
    assert [answers[message] for message in good] == good
    assert isinstance(answers["0000000000000bad"], HttpError)
    assert answers["0000000000000bad"].status_code == 404


async def test_it_reads_labels_and_asks_for_fields(gmail: Any) -> None:
    labels = await run(gmail.users().labels().list(userId="me", fields="labels/id"))
    assert {"id": "INBOX"} in labels["labels"]
    inbox = await run(gmail.users().labels().get(userId="me", id="INBOX"))
    assert inbox["messagesTotal"] == 20


async def test_it_reads_googles_errors_out_of_ours(gmail: Any, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault.USER_RATE_403, first=1)
    with pytest.raises(HttpError) as refused:
        await run(gmail.users().getProfile(userId="me"))
    assert refused.value.status_code == 403
    assert refused.value.error_details[0]["reason"] == "userRateLimitExceeded"


async def test_it_retries_a_server_error_and_refreshes_an_expired_token(gmail: Any, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault.SERVER_503, method="getProfile", first=1)
    sandbox.faults.add(Fault.EXPIRED_TOKEN_401, method="getProfile", first=1)
    answer = await asyncio.to_thread(gmail.users().getProfile(userId="me").execute, num_retries=1)
    assert answer["emailAddress"] == "ana@example.com"
    assert sandbox.traffic.requests["getProfile"] == 3
    assert sandbox.traffic.requests["token"] == 2
