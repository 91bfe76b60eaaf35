"""One call of the API from its request to its answer: who asks, what goes wrong, what it costs, what it says."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from afpd.sandbox import endpoints, fields
from afpd.sandbox.answers import Answer, Refusal, invalid_credentials, json_answer
from afpd.sandbox.fault_answers import answer_of, insufficient_scope
from afpd.sandbox.faults import Fault, Strike
from afpd.sandbox.history import list_history
from afpd.sandbox.mailbox import Mailbox
from afpd.sandbox.routes import Call, Route, check_parameters, one, route_of

if TYPE_CHECKING:
    from afpd.sandbox.sandbox import Sandbox


@dataclass(frozen=True, slots=True)
class Admitted:
    """A call that was let in: whose mailbox, which method, and the fault that hits it."""

    call: Call
    route: Route
    mailbox: Mailbox
    strike: Strike | None

    @property
    def user(self) -> str:
        """Return the caller's name in counters and fault rules."""
        return self.mailbox.email_address


def admit(sandbox: "Sandbox", call: Call) -> Admitted:
    """Find out who asks for what, and count it. Raises `Refusal`: 404 no such method, 401, 403 other's mailbox."""
    route = route_of(call)
    if route is None:
        raise Refusal(404, "notFound", "Not Found")
    mailbox = sandbox.tokens.open(call.access_token)
    if mailbox is None:
        sandbox.traffic.count(route.method, "")
        raise invalid_credentials()
    sandbox.traffic.count(route.method, mailbox.email_address, route.object_id)
    if route.user_id != "me" and route.user_id.casefold() != mailbox.email_address.casefold():
        raise Refusal(403, "forbidden", f"Delegation denied for {mailbox.email_address}")
    if "gmail" not in mailbox.scope and "mail.google.com" not in mailbox.scope:
        raise insufficient_scope()
    strike = sandbox.faults.strike(route.method, mailbox.email_address, route.object_id)
    return Admitted(call, route, mailbox, strike)


def answer(sandbox: "Sandbox", admitted: Admitted) -> Answer:
    """Return the answer to an admitted call; faults of the connection itself are the server's."""
    try:
        now = sandbox.clock.now()
        if admitted.strike and (instead := _struck(sandbox, admitted, admitted.strike)):
            return instead
        sandbox.meter.charge(admitted.user, admitted.route.method, now)
        check_parameters(admitted.route.method, admitted.call.query)
        wanted = one(admitted.call.query, "fields")
        selection = fields.parse(wanted) if wanted else None
        value = _run(sandbox, admitted, selection)
        return bent(json_answer(fields.select(value, selection)), admitted.strike)
    except Refusal as refusal:
        return refusal.answer()


def bent(answer: Answer, strike: Strike | None) -> Answer:
    """Return the answer as a fault leaves it: its JSON truncated, or its connection cut half way."""
    half = len(answer.body) // 2
    if strike and strike.fault is Fault.TRUNCATED:
        answer.body = answer.body[:half]
    elif strike and strike.fault is Fault.CUT:
        answer.cut_at = half
    return answer


def _struck(sandbox: "Sandbox", admitted: Admitted, strike: Strike) -> Answer | None:
    match strike.fault:
        case Fault.EXPIRED_TOKEN_401:
            sandbox.tokens.expire(admitted.mailbox)
        case Fault.HISTORY_EXPIRED:
            admitted.mailbox.expire_history()
        case Fault.GONE if admitted.route.object_id in admitted.mailbox.messages:
            admitted.mailbox.delete(admitted.route.object_id)
    return answer_of(strike, sandbox.clock.now())


def _run(sandbox: "Sandbox", admitted: Admitted, selection: fields.Selection | None) -> dict[str, Any]:
    mailbox, route, query = admitted.mailbox, admitted.route, admitted.call.query
    match route.method:
        case "getProfile":
            return endpoints.get_profile(mailbox)
        case "messages.list":
            return endpoints.list_messages(mailbox, query, sandbox.clock.now())
        case "messages.get":
            return endpoints.get_message(mailbox, route, query, selection, sandbox.big_part_bytes)
        case "messages.attachments.get":
            return endpoints.get_attachment(mailbox, route)
        case "history.list":
            return list_history(mailbox, query, admitted.strike.fault if admitted.strike else None)
        case "labels.list":
            return endpoints.list_labels(mailbox)
        case _:
            return endpoints.get_label(mailbox, route)
