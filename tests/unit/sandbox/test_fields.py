"""Partial responses: what the fields parameter keeps."""

import pytest

from afpd.sandbox.answers import Refusal
from afpd.sandbox.fields import parse, select

VALUE = {
    "id": "1",
    "labels": ["A"],
    "payload": {"headers": [{"name": "From", "value": "x"}], "body": {"size": 3, "data": "abc"}},
    "history": [{"id": "7", "messagesAdded": [{"message": {"id": "m", "threadId": "t"}}]}, {"id": "8"}],
}


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ("id", {"id": "1"}),
        ("id,labels", {"id": "1", "labels": ["A"]}),
        ("payload/body/size", {"payload": {"body": {"size": 3}}}),
        ("payload(body/size,headers(name))", {"payload": {"body": {"size": 3}, "headers": [{"name": "From"}]}}),
        ("payload(body(size)),id", {"payload": {"body": {"size": 3}}, "id": "1"}),
        ("history/messagesAdded/message/id", {"history": [{"messagesAdded": [{"message": {"id": "m"}}]}, {}]}),
        ("payload/body/size,payload/headers/value", {"payload": {"body": {"size": 3}, "headers": [{"value": "x"}]}}),
        ("payload,payload/body/size", {"payload": VALUE["payload"]}),
        ("payload/body/*", {"payload": {"body": {"size": 3, "data": "abc"}}}),
        ("payload(*/size)", {"payload": {"headers": [{}], "body": {"size": 3}}}),
        ("*", VALUE),
        ("nothing", {}),
        (" id , labels ", {"id": "1", "labels": ["A"]}),
    ],
)
def test_fields_keep_what_they_name(fields: str, kept: object) -> None:
    assert select(VALUE, parse(fields)) == kept


@pytest.mark.parametrize("fields", ["a(b", "a)", "a,,b", "a/", "/a", "(a)", "a b;c", ",", "a(b))", "a(b)c"])
def test_malformed_fields_are_refused(fields: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse(fields)
    assert refused.value.code == 400
