"""Every answer against the schemas of Google's own discovery document."""

import json
from collections.abc import Callable
from importlib import resources
from typing import Any

import jsonschema
import pytest
from support.sandbox_caller import Caller

from afpd.sandbox import Sandbox
from afpd.sandbox.routes import PARAMETERS

Valid = Callable[[str, Any], Any]

SCALARS = {
    "uint64": {"type": "string", "pattern": r"^\d+$"},
    "int64": {"type": "string", "pattern": r"^-?\d+$"},
    "byte": {"type": "string", "pattern": r"^[A-Za-z0-9_-]*={0,2}$"},
}


def document() -> dict[str, Any]:
    """Return Google's discovery document of the Gmail API, as their client carries it."""
    source = resources.files("googleapiclient.discovery_cache").joinpath("documents/gmail.v1.json")
    return json.loads(source.read_text())


def json_schema(value: Any) -> Any:
    """Turn a discovery schema into JSON Schema; objects hold nothing that the document does not name."""
    if isinstance(value, list):
        return [json_schema(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        return {"$ref": f"#/$defs/{value['$ref']}"}
    if value.get("format") in SCALARS:
        return SCALARS[value["format"]]
    schema = {name: json_schema(value[name]) for name in ("type", "items", "enum") if name in value}
    if "properties" in value:
        schema["properties"] = {name: json_schema(inner) for name, inner in value["properties"].items()}
        schema["additionalProperties"] = False
    return schema


@pytest.fixture(scope="module")
def valid() -> Valid:
    definitions = {name: json_schema(schema) for name, schema in document()["schemas"].items()}

    def check(name: str, answer: Any) -> Any:
        validator = jsonschema.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": definitions})
        validator.validate(answer)
        return answer

    return check


async def ok(caller: Caller, path: str, **query: str) -> Any:
    status, answer = await caller.get(path, **query)
    assert status == 200, answer
    return answer


def test_the_check_itself_notices_what_the_document_does_not_name(valid: Valid) -> None:
    with pytest.raises(jsonschema.ValidationError):
        valid("Profile", {"emailAddress": "a@example.com", "historyid": "1"})
    with pytest.raises(jsonschema.ValidationError):
        valid("Profile", {"historyId": 1})


async def test_the_profile_is_a_profile(caller: Caller, valid: Valid) -> None:
    answer = valid("Profile", await ok(caller, "profile"))
    assert set(answer) == {"emailAddress", "messagesTotal", "threadsTotal", "historyId"}


async def test_lists_of_messages_are_lists_also_empty_and_paged(caller: Caller, valid: Valid) -> None:
    assert valid("ListMessagesResponse", await ok(caller, "messages", maxResults="3"))["nextPageToken"]
    assert "messages" not in valid("ListMessagesResponse", await ok(caller, "messages", q="from:nobody"))


@pytest.mark.parametrize("form", ["minimal", "metadata", "full", "raw", "FULL"])
async def test_every_message_is_a_message_in_every_format(form: str, caller: Caller, valid: Valid) -> None:
    listed = await ok(caller, "messages")
    for entry in listed["messages"]:
        message = valid("Message", await ok(caller, f"messages/{entry['id']}", format=form))
        assert ("raw" in message) == (form == "raw")
        assert ("payload" in message) == (form.lower() in ("full", "metadata"))


async def test_attachments_are_part_bodies(caller: Caller, sandbox: Sandbox, valid: Valid) -> None:
    mailbox = sandbox.mailboxes["ana@example.com"]
    message = mailbox.deliver(b"Content-Type: text/html\r\n\r\n" + b"x" * 9000)
    part = (await ok(caller, f"messages/{message}"))["payload"]["body"]
    body = valid("MessagePartBody", await ok(caller, f"messages/{message}/attachments/{part['attachmentId']}"))
    assert body["size"] == 9000


async def test_history_is_a_history_with_every_kind_of_record(caller: Caller, sandbox: Sandbox, valid: Valid) -> None:
    mailbox = sandbox.mailboxes["ana@example.com"]
    message = mailbox.deliver(b"From: a@example.net\r\n\r\nx", labels=("SPAM",))
    mailbox.rescue_from_spam(message)
    mailbox.delete(message)
    answer = valid("ListHistoryResponse", await ok(caller, "history", startHistoryId="1000003"))
    members = set().union(*answer["history"])
    assert members == {"id", "messages", "messagesAdded", "messagesDeleted", "labelsAdded", "labelsRemoved"}
    valid("ListHistoryResponse", await ok(caller, "history", startHistoryId="1000003", maxResults="2"))
    valid("ListHistoryResponse", await ok(caller, "history", startHistoryId=str(mailbox.history_id)))


async def test_labels_are_labels(caller: Caller, sandbox: Sandbox, valid: Valid) -> None:
    sandbox.mailboxes["ana@example.com"].user_labels["Label_7"] = "Banco"
    labels = valid("ListLabelsResponse", await ok(caller, "labels"))["labels"]
    for label in labels:
        valid("Label", await ok(caller, f"labels/{label['id']}"))
    assert {"INBOX", "SPAM", "Label_7"} <= {label["id"] for label in labels}


def test_every_method_parameter_is_one_of_the_document() -> None:
    users = document()["resources"]["users"]
    for method, ours in PARAMETERS.items():
        *folders, name = method.split(".")
        place = users
        for folder in folders:
            place = place["resources"][folder]
        theirs = {one for one, told in place["methods"][name]["parameters"].items() if told["location"] == "query"}
        assert ours <= theirs, method
