"""The fault plan: what goes wrong, for whom, when.

    plan = FaultPlan(seed=7)
    plan.add(Fault.RATE_429_TIMED, user="ana@example.com", first=2, seconds=3)   # twice, then fine
    plan.add(Fault.SERVER_503, method="messages.get", after=5, first=1)          # the sixth get alone
    plan.add(Fault.RESET, message_id="19a0…")                                    # a poison message
    plan.add(Fault.RATE_429_TIMED, user="bo@example.com", cycle=(20, 40))        # 20 s of every minute, for ever
    plan.add(Fault.SLOW, user="eva@example.com", seconds=2.5)
    plan.touch(20)                                                               # 20 % of all requests, seeded
    plan.clear()

Methods are named as in the API: token, getProfile, messages.list, messages.get, messages.attachments.get,
history.list, labels.list, labels.get, batch. Rules are asked in their order and the first that strikes wins. A
percentage is drawn from the seed, the user, the method and how many such calls came before, so that a plan does the
same whatever order concurrent users come in. A fault strikes only methods it makes sense for. Mind that aiohttp's
client by itself repeats a GET once when a kept connection is reset: one RESET alone it may never show.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from zlib import crc32

from afpd.clock import Clock


class Fault(StrEnum):
    """Everything that can go wrong. `seconds` of a rule is the time in the text, or how long an answer is late."""

    RATE_429 = "rate_429"
    RATE_429_TIMED = "rate_429_timed"
    RATE_429_HEADER = "rate_429_header"
    CONCURRENT_429 = "concurrent_429"
    RATE_403 = "rate_403"
    USER_RATE_403 = "user_rate_403"
    DAILY_403 = "daily_403"
    NOT_CONFIGURED_403 = "not_configured_403"
    PERMISSIONS_403 = "permissions_403"
    DOMAIN_POLICY_403 = "domain_policy_403"
    PRECONDITION_400 = "precondition_400"
    EXPIRED_TOKEN_401 = "expired_token_401"  # noqa: S105 - a name, not a secret
    SERVER_500 = "server_500"
    SERVER_503 = "server_503"
    HTML_502 = "html_502"
    LIST_503 = "list_503"
    EMPTY_504 = "empty_504"
    TRUNCATED = "truncated"
    CUT = "cut"
    RESET = "reset"
    HANG = "hang"
    SLOW = "slow"
    INVALID_GRANT = "invalid_grant"
    INVALID_CLIENT = "invalid_client"
    UNAUTHORIZED_CLIENT = "unauthorized_client"
    GONE = "gone"
    HISTORY_EXPIRED = "history_expired"
    HISTORY_DOUBLED = "history_doubled"
    HISTORY_SHUFFLED = "history_shuffled"


_ON_TOKEN = {Fault.INVALID_GRANT, Fault.INVALID_CLIENT, Fault.UNAUTHORIZED_CLIENT}
_ON_HISTORY = {Fault.HISTORY_EXPIRED, Fault.HISTORY_DOUBLED, Fault.HISTORY_SHUFFLED}
_ANYWHERE = {
    Fault.SERVER_500, Fault.SERVER_503, Fault.HTML_502, Fault.LIST_503, Fault.EMPTY_504, Fault.RATE_429,
    Fault.RATE_429_HEADER, Fault.TRUNCATED, Fault.CUT, Fault.RESET, Fault.HANG, Fault.SLOW,
}  # fmt: skip

TRANSIENT = (
    Fault.RATE_429, Fault.RATE_429_TIMED, Fault.CONCURRENT_429, Fault.RATE_403, Fault.USER_RATE_403,
    Fault.EXPIRED_TOKEN_401, Fault.SERVER_500, Fault.SERVER_503, Fault.HTML_502, Fault.LIST_503, Fault.EMPTY_504,
    Fault.TRUNCATED, Fault.CUT, Fault.RESET, Fault.SLOW, Fault.HISTORY_DOUBLED, Fault.HISTORY_SHUFFLED,
)  # fmt: skip
"""Faults after which patience alone leads on: nothing is lost by them. HANG and HISTORY_EXPIRED may be added."""


def applies(fault: Fault, method: str) -> bool:
    """Say whether a fault makes sense on a method."""
    if method in ("token", "batch"):
        return fault in _ANYWHERE or (method == "token" and fault in _ON_TOKEN)
    if fault in _ON_HISTORY:
        return method == "history.list"
    if fault is Fault.GONE:
        return method == "messages.get"
    return fault not in _ON_TOKEN


@dataclass(slots=True)
class Rule:
    """When one of `faults` strikes; every condition that is given must hold. See the module's examples."""

    faults: Sequence[Fault]
    method: str | None = None
    user: str | None = None
    message_id: str | None = None
    percent: float = 100.0
    first: int | None = None
    after: int = 0
    until: datetime | None = None
    cycle: tuple[float, float] | None = None
    seconds: float = 1.0
    started: float = 0.0
    struck: int = 0
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)

    def strikes(self, method: str, user: str, message_id: str | None, clock: Clock, seed: int) -> Fault | None:
        """Return the fault for this request, or None; counts the request if it is one of the rule's."""
        if not self._concerns(method, user, message_id) or not (fitting := _fitting(self.faults, method)):
            return None
        key = (user, method)
        self.seen[key] += 1
        if self.after and self.seen.total() <= self.after:
            return None
        if (self.first is not None and self.struck >= self.first) or not self._now(clock):
            return None
        chance = crc32(f"{seed}:{user}:{method}:{self.seen[key]}".encode())
        if chance % 100_000 >= self.percent * 1000:
            return None
        self.struck += 1
        return fitting[crc32(b"%d" % chance) % len(fitting)]

    def remaining(self, clock: Clock) -> float:
        """Return the seconds to name in an answer: to the end of the rule's window, else its own `seconds`."""
        if self.until is not None:
            return max(0.0, (self.until - clock.now()).total_seconds())
        if self.cycle is not None:
            on, off = self.cycle
            return max(0.0, on - (clock.monotonic() - self.started) % (on + off))
        return self.seconds

    def _concerns(self, method: str, user: str, message_id: str | None) -> bool:
        return (
            (self.method is None or self.method == method)
            and (self.user is None or self.user == user)
            and (self.message_id is None or self.message_id == message_id)
        )

    def _now(self, clock: Clock) -> bool:
        if self.until is not None and clock.now() >= self.until:
            return False
        if self.cycle is None:
            return True
        on, off = self.cycle
        return (clock.monotonic() - self.started) % (on + off) < on


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault that hits a request, with the seconds that go with it."""

    fault: Fault
    seconds: float


class FaultPlan:
    """An ordered list of rules, and a count of what they did (`struck`)."""

    def __init__(self, clock: Clock, seed: int = 0) -> None:
        self.seed = seed
        self.struck: Counter[Fault] = Counter()
        self.rules: list[Rule] = []
        self._clock = clock

    def add(
        self,
        *faults: Fault,
        method: str | None = None,
        user: str | None = None,
        message_id: str | None = None,
        percent: float = 100.0,
        first: int | None = None,
        after: int = 0,
        until: datetime | None = None,
        cycle: tuple[float, float] | None = None,
        seconds: float = 1.0,
    ) -> Rule:
        """Add a rule and return it; see `Rule`. `first` and `after` count requests, `cycle` is seconds on and off."""
        who = user.casefold() if user else None
        started = self._clock.monotonic()
        rule = Rule(faults, method, who, message_id, percent, first, after, until, cycle, seconds, started)
        self.rules.append(rule)
        return rule

    def touch(self, percent: float, faults: Sequence[Fault] = TRANSIENT, *, seconds: float = 1.0) -> Rule:
        """Let so many percent of all requests meet one of the faults, drawn by the seed."""
        return self.add(*faults, percent=percent, seconds=seconds)

    def clear(self) -> None:
        """Drop all rules: from now on everything is well."""
        self.rules.clear()

    def strike(self, method: str, user: str, message_id: str | None = None) -> Strike | None:
        """Return what hits this request, or None."""
        for rule in self.rules:
            if fault := rule.strikes(method, user, message_id, self._clock, self.seed):
                self.struck[fault] += 1
                return Strike(fault, rule.remaining(self._clock))
        return None


def _fitting(faults: Collection[Fault], method: str) -> list[Fault]:
    return [fault for fault in faults if applies(fault, method)]
