"""All banks together: from the bytes of a mail to a reading, the one way that the daemon and `explain` both take."""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from afpd.banks import BankSource
from afpd.errors import BadValue, Mismatch, ReadingError, TemplateError
from afpd.model import Outcome, Reading
from afpd.parse.authenticity import Forwards, Policy, Trust, Verdict, forged, is_owners, verdict
from afpd.parse.bank import Bank, build_bank
from afpd.parse.choice import Choice
from afpd.parse.dates import DateOrder, moment
from afpd.parse.extraction import Raw
from afpd.parse.forwarded import Forwarded, passed_on
from afpd.parse.message import Message, date_header, read_message
from afpd.parse.owners import Owners
from afpd.parse.prove import prove
from afpd.parse.shape import shape
from afpd.parse.sources import Draft, drafts
from afpd.parse.text import Text
from afpd.parse.transactions import Surroundings

_LONGEST_WHY = 400
_QUOTED_DATES = (DateOrder.D_MON_Y, DateOrder.MON_D_Y, DateOrder.YMD, DateOrder.DMY)


@dataclass(frozen=True, slots=True)
class Explanation:
    """A reading and how it came about, in words.

    `templates` tells of each template of the bank why it did or did not read the mail; `values` are the texts that
    were found, by field, before they were parsed.
    """

    reading: Reading
    subject: str = ""
    sender: str = ""
    authentication: str = ""
    templates: tuple[tuple[str, str], ...] = ()
    values: tuple[Raw, ...] = ()


@dataclass(frozen=True, slots=True)
class _Case:
    """One mail under examination."""

    message: Message
    received: datetime
    owners: Owners
    authentication: Verdict
    is_booked: bool = True


class Library:
    """The banks that are known, indexed by their senders."""

    def __init__(self, banks: Iterable[Bank], trust: Trust | None = None) -> None:
        self.trust = trust or Trust()
        self.banks = tuple(sorted(banks, key=lambda bank: bank.code))
        self._by_address = {address: bank for bank in self.banks for address in (*bank.senders, *bank.silent)}
        self._by_domain = {domain: bank for bank in self.banks for domain in bank.domains}

    @property
    def senders(self) -> tuple[str, ...]:
        """Return the addresses that bring transactions, sorted: what a mailbox is searched for."""
        return tuple(sorted({address for bank in self.banks for address in bank.senders}))

    @property
    def silent(self) -> tuple[str, ...]:
        """Return the addresses that are known to bring nothing, sorted."""
        return tuple(sorted({address for bank in self.banks for address in bank.silent}))

    @property
    def fingerprints(self) -> dict[str | None, str]:
        """Return what changes with each bank's file, by its code, and under None what changes with any of them."""
        each: dict[str | None, str] = {bank.code: bank.fingerprint for bank in self.banks}
        return each | {None: hashlib.sha256(" ".join(each.values()).encode()).hexdigest()[:16]}

    @property
    def domains(self) -> tuple[str, ...]:
        """Return the domains of all banks, sorted."""
        return tuple(sorted(self._by_domain))

    def read(
        self, raw: bytes, *, received_at: datetime, owner: str | None = None, policy: Policy = Policy.STRICT
    ) -> Reading:
        """Return what a mail tells, of its RFC 822 bytes and the aware time at which it was received.

        `owner` is a name of the mailbox's owner beside those in To. Never raises for anything that stands in a mail.
        """
        return self.explain(raw, received_at=received_at, owner=owner, policy=policy, with_values=False).reading

    def explain(
        self,
        raw: bytes,
        *,
        received_at: datetime,
        owner: str | None = None,
        policy: Policy = Policy.STRICT,
        with_values: bool = True,
    ) -> Explanation:
        """Return the reading of a mail with its reasons; the same way through as `read`."""
        try:
            message = read_message(raw)
        except ReadingError as error:
            return Explanation(Reading(Outcome.UNMATCHED, str(error)))
        owners = Owners(lambda: message.recipients, owner)
        bank = self._by_address.get(message.sender)
        if bank is None:
            case = _Case(message, received_at, owners, _of_a_person(message), self._books(message, owner))
            return self._from_a_person(case, with_values)
        asked = self.trust.of_banks.get(bank.code, policy)
        proof = verdict(message.authentication, bank.domains, bank.proof, asked)
        return _from_a_bank(bank, _Case(message, received_at, owners, proof), with_values)

    def _from_a_person(self, case: _Case, with_values: bool) -> Explanation:
        """Read a mail of no known sender: it may be one of a bank's that somebody passed on."""
        best: Explanation | None = None
        for quoted in passed_on(case.message):
            bank = self._by_address.get(quoted.sender)
            if bank is None or quoted.sender in bank.silent:
                continue
            found = _forwarded(bank, quoted, case, with_values)
            if found.reading.outcome in (Outcome.QUARANTINED, Outcome.SUCCESS):
                return found
            best = best or found
        return best or _explained(case, Reading(Outcome.UNMATCHED, self._stranger(case.message)))

    def _books(self, message: Message, owner: str | None) -> bool:
        """Whether what a person passed on is booked."""
        forwards = self.trust.forwards
        return forwards is Forwards.ANY or (
            forwards is Forwards.OWN and is_owners(message.authentication, message.sender, owner)
        )

    def _stranger(self, message: Message) -> str:
        """Say why nobody is responsible for a sender, and what it resembles."""
        address = message.sender
        if not address:
            return "From holds no address, or several"
        domain = address.rpartition("@")[2]
        near = next((bank for own, bank in self._by_domain.items() if own == domain), None)
        if near is not None:
            return f"{address} is no known sender of {near.code}, though the domain is the bank's"
        claimed = next((own for own in self._by_domain if own in domain or own in message.sender_name.lower()), None)
        hint = f"; it only looks like {claimed}" if claimed else ""
        return f"{address} is no sender of a known bank{hint}"


def load_library(
    sources: Iterable[BankSource], *, countries: Collection[str] = (), trust: Trust | None = None
) -> Library:
    """Return the library of bank files; of two with one code the later counts, and extensions are laid over it.

    With `countries` (ISO 3166) only their banks are in it; all files are proved all the same.

    Raises `TemplateError` that tells everything wrong in all files, a line for each mistake.
    """
    banks: dict[str, Bank] = {}
    found, wrong = drafts(sources)
    for draft in found:
        bank = build_bank(draft.file)
        wrong.extend(prove(draft.file, bank, draft.where))
        banks[bank.code] = bank
    wrong.extend(_claimed_twice(found))
    if wrong:
        raise TemplateError("\n".join(wrong))
    return Library((bank for bank in banks.values() if not countries or bank.country in countries), trust)


def _claimed_twice(found: Iterable[Draft]) -> Iterator[str]:
    owner: dict[str, str] = {}
    for draft in found:
        code = draft.file.bank.code
        for number, sender in enumerate(draft.file.sender):
            if sender.address in owner:
                told = f"{sender.address} is a sender of both {owner[sender.address]} and {code}"
                yield f"{draft.where(('sender', number))}: {told}"
            owner[sender.address] = code


def _of_a_person(message: Message) -> Verdict:
    if forged(message.authentication):
        return Verdict(False, "dmarc=fail: this mail is not from the sender it names")
    return Verdict(True, "the sender is no bank")


def _from_a_bank(bank: Bank, case: _Case, with_values: bool) -> Explanation:
    if not case.authentication.accepted:
        return _explained(case, Reading(Outcome.QUARANTINED, case.authentication.why, bank.code))
    if case.message.sender in bank.silent:
        why = f"{case.message.sender} never tells of money"
        return _explained(case, Reading(Outcome.IGNORED, why, bank.code))
    around = Surroundings(case.received, case.message.subject, case.owners)
    best: Explanation | None = None
    first: Text | None = None
    for body in case.message.bodies():
        found = _read(bank, body, around, case, with_values)
        if found.reading.outcome in (Outcome.SUCCESS, Outcome.IGNORED):
            return found
        first = first or body
        if best is None or best.reading.outcome is Outcome.UNMATCHED:
            best = found
    best = best or _explained(case, Reading(Outcome.UNMATCHED, "the mail holds no text", bank.code))
    looks = shape(first or Text(""), case.message.subject)
    return replace(best, reading=replace(best.reading, sender=case.message.sender, shape=looks))


def _forwarded(bank: Bank, quoted: Forwarded, case: _Case, with_values: bool) -> Explanation:
    """Read a mail that a person passed on. DMARC vouches only for the person, so a stranger's is held back."""
    if not case.authentication.accepted:
        return _explained(case, Reading(Outcome.QUARANTINED, case.authentication.why, bank.code))
    received = _quoted_date(quoted, case.received, bank)
    found = _read(bank, quoted.text, Surroundings(received, quoted.subject, case.owners), case, with_values)
    why = f"forwarded by {case.message.sender}: {found.reading.why}"
    is_held = found.reading.outcome is Outcome.SUCCESS and not case.is_booked
    held = Outcome.QUARANTINED if is_held else found.reading.outcome
    return replace(found, reading=replace(found.reading, outcome=held, why=why))


def _quoted_date(quoted: Forwarded, received: datetime, bank: Bank) -> datetime:
    if quoted.attached:
        return min(date_header(quoted.date) or received, received)
    try:
        when = moment(quoted.date, None, _QUOTED_DATES, received, bank.zone).at
    except BadValue:
        return received
    return min(when, received) if isinstance(when, datetime) else received


def _read(bank: Bank, body: Text, around: Surroundings, case: _Case, with_values: bool) -> Explanation:
    choice = bank.chooser.read(body, around)
    template = choice.template
    doubt = f"; {case.authentication.why}" if case.authentication.doubtful else ""
    reading = Reading(
        outcome=choice.outcome,
        why=choice.why[:_LONGEST_WHY] + doubt,
        bank=bank.code,
        template=template.name if template else None,
        template_version=template.version if template else None,
        transactions=choice.transactions,
        has_unique_reference=template is not None and template.has_unique_reference,
    )
    explained = _explained(case, reading)
    if not with_values:
        return explained
    told = tuple(bank.chooser.explained(choice, body, around))
    return replace(explained, templates=told, values=_values(choice, body))


def _values(choice: Choice, body: Text) -> tuple[Raw, ...]:
    if choice.template is None or choice.template.gives_nothing:
        return ()
    try:
        extraction = choice.template.extraction
        return tuple(extraction.raws(body, extraction.labels.hits(body)))
    except (Mismatch, BadValue):
        return ()


def _explained(case: _Case, reading: Reading) -> Explanation:
    message = case.message
    return Explanation(reading, message.subject, message.sender, case.authentication.why)
