"""The sandbox's own side door, for demo and rehearsals: under /sandbox/, and only for callers on this machine.

* GET /sandbox/stats: requests, units and faults, and the same per user.
* GET /sandbox/mails: {"mails": […]}, every mail delivered with layout, bank, outcome and the transactions it tells.
* POST /sandbox/deliver {"email", "layout"} or {"email", "raw"} (RFC 822 as text; "labels", "indexed_after" if
  wanted): {"id", …}.
* POST /sandbox/faults {"faults": ["rate_429", …], "method", "user", "message_id", "percent", "first", "after",
  "seconds", "cycle", "for" (seconds from now)} adds a rule; {"clear": true} first drops all.
"""

from datetime import timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import orjson

from afpd.sandbox.answers import Answer, Refusal, invalid_argument, json_answer, not_found
from afpd.sandbox.faults import Fault

if TYPE_CHECKING:
    from afpd.sandbox.sandbox import Sandbox

_RULE = ("method", "user", "message_id", "percent", "first", "after", "seconds")


def control(sandbox: "Sandbox", verb: str, path: str, remote: str, body: bytes) -> Answer:
    """Answer a request to the side door. Raises `Refusal` for strangers (403) and for what it does not understand."""
    if not ip_address(remote or "::").is_loopback:
        raise Refusal(403, "forbidden", "Only for callers on this machine.")
    match verb, path:
        case "GET", "/sandbox/stats":
            return json_answer(sandbox.stats())
        case "GET", "/sandbox/mails":
            return json_answer({"mails": sandbox.mails()})
        case "POST", "/sandbox/deliver":
            return json_answer(_deliver(sandbox, _order(body)))
        case "POST", "/sandbox/faults":
            return json_answer(_faults(sandbox, _order(body)))
        case _:
            raise not_found()


def _order(body: bytes) -> dict[str, Any]:
    try:
        order = orjson.loads(body)
    except ValueError:
        order = None
    if not isinstance(order, dict):
        raise invalid_argument("A JSON object is expected.")
    return order


def _deliver(sandbox: "Sandbox", order: dict[str, Any]) -> dict[str, Any]:
    mailbox = sandbox.mailboxes.get(str(order.get("email")).casefold())
    if mailbox is None:
        raise invalid_argument("No such user.")
    indexed_after = float(order.get("indexed_after", 0.0))
    if "raw" in order:
        labels = order.get("labels", ("INBOX", "UNREAD"))
        return {"id": mailbox.deliver(str(order["raw"]).encode(), labels=labels, indexed_after=indexed_after)}
    try:
        letter = sandbox.write_letter(mailbox.email_address, str(order.get("layout")))
    except KeyError:
        raise invalid_argument("No such layout.") from None
    message_id = sandbox.deliver(mailbox.email_address, letter, indexed_after=indexed_after)
    return {"id": message_id, **letter.note()}


def _faults(sandbox: "Sandbox", order: dict[str, Any]) -> dict[str, Any]:
    if order.get("clear"):
        sandbox.faults.clear()
    if names := order.get("faults"):
        conditions = {name: order[name] for name in _RULE if name in order}
        if "cycle" in order:
            conditions["cycle"] = tuple(order["cycle"])
        if "for" in order:
            conditions["until"] = sandbox.clock.now() + timedelta(seconds=float(order["for"]))
        try:
            sandbox.faults.add(*[Fault(name) for name in names], **conditions)
        except ValueError:
            raise invalid_argument("No such fault.") from None
    return {"rules": len(sandbox.faults.rules)}
