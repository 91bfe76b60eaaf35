"""The Message resource in its four formats."""

from base64 import urlsafe_b64decode

import pytest

from afpd.sandbox.answers import Refusal
from afpd.sandbox.fields import parse
from afpd.sandbox.messages import attachment, resource
from afpd.sandbox.stored import StoredMessage

NESTED = (
    b"From: =?ISO-8859-1?Q?Jos=E9?= <jose@example.net>\r\n"
    b"Subject: one\r\n two\r\n"
    b"Content-Type: multipart/mixed; boundary=outer\r\n\r\n"
    b"--outer\r\nContent-Type: multipart/alternative; boundary=inner\r\n\r\n"
    b'--inner\r\nContent-Type: text/plain; charset="ISO-8859-1"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
    b"informaci=F3n & m=E1s\r\n--inner\r\nContent-Type: text/html\r\n\r\n<style>p{}</style><p>hola</p>\r\n--inner--\r\n"
    b'--outer\r\nContent-Type: application/pdf; name="a.pdf"\r\nContent-Disposition: attachment; filename="a.pdf"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\nJVBERi0=\r\n--outer--\r\n"
)


def stored(raw: bytes = NESTED, sequence: int = 1) -> StoredMessage:
    return StoredMessage("19a0000000000001", raw, 1_794_000_000_000, {"INBOX"}, 0.0, sequence)


def data(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_raw_gives_the_exact_bytes_with_and_without_padding() -> None:
    padded, bare = (resource(stored(sequence=number), "raw")["raw"] for number in (2, 1))
    assert data(padded) == data(bare) == NESTED
    assert padded.rstrip("=") == bare


def test_full_gives_the_tree_with_text_in_utf_8_under_the_old_charset() -> None:
    payload = resource(stored(), "full")["payload"]
    alternative, pdf = payload["parts"]
    plain, html = alternative["parts"]
    assert [part["partId"] for part in (payload, alternative, plain, html, pdf)] == ["", "0", "0.0", "0.1", "1"]
    assert data(plain["body"]["data"]).decode() == "información & más"
    assert 'charset="ISO-8859-1"' in plain["headers"][0]["value"]
    assert pdf["filename"] == "a.pdf"
    assert "data" not in pdf["body"]


def test_an_attachment_is_fetched_by_its_id() -> None:
    part = resource(stored(), "full")["payload"]["parts"][1]
    body = attachment(stored(), part["body"]["attachmentId"])
    assert data(body["data"]) == b"%PDF-"
    assert body["size"] == part["body"]["size"] == 5


@pytest.mark.parametrize("wrong", ["", "ANGjdJ8", "ANGjdJ8%%%", "ANGjdJ8YTo5OS45OQ=="])
def test_an_unknown_attachment_is_not_found(wrong: str) -> None:
    with pytest.raises(Refusal) as refused:
        attachment(stored(), wrong)
    assert refused.value.code == 404


def test_a_big_text_part_comes_as_an_attachment() -> None:
    message = stored(b"Content-Type: text/html\r\n\r\n" + b"x" * 2000)
    body = resource(message, "full", big_part_bytes=1000)["payload"]["body"]
    assert "data" not in body
    assert data(attachment(message, body["attachmentId"])["data"]) == b"x" * 2000


def test_metadata_gives_headers_decoded_and_unfolded_and_only_those_wanted() -> None:
    headers = resource(stored(), "metadata", headers=["subject", "From"])["payload"]["headers"]
    assert headers == [
        {"name": "From", "value": "José <jose@example.net>"},
        {"name": "Subject", "value": "one two"},
    ]


def test_minimal_has_neither_payload_nor_raw() -> None:
    assert set(resource(stored(), "minimal")) == {
        "id", "threadId", "labelIds", "snippet", "historyId", "internalDate", "sizeEstimate",
    }  # fmt: skip


def test_the_snippet_is_escaped_text() -> None:
    assert resource(stored(), "minimal")["snippet"] == "información &amp; más"


def test_what_fields_leave_out_is_not_even_made() -> None:
    assert not {"payload", "snippet"} & set(resource(stored(), "full", selection=parse("id")))
    assert "raw" not in resource(stored(), "raw", selection=parse("snippet"))


@pytest.mark.parametrize(
    ("declared", "content"),
    [
        ("iso-2022-jp", "東京".encode("iso-2022-jp")),
        ("shift_jis", "東京".encode("shift_jis")),
        ("iso-8859-1", "東京".encode()),
        ("no-such-charset", "東京".encode()),
    ],
)
def test_text_becomes_utf_8_whatever_is_declared(declared: str, content: bytes) -> None:
    message = stored(b"Content-Type: text/plain; charset=" + declared.encode() + b"\r\n\r\n" + content)
    assert data(resource(message, "full")["payload"]["body"]["data"]).decode() == "東京"
