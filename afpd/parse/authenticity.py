"""Who vouches for a mail: the topmost Authentication-Results (RFC 8601), as Gmail writes it.

Only a header of the receiving service counts; what stands below it, or is written by another server, is the sender's
own word. DMARC (RFC 7489) decides; where it says nothing, a DKIM signature of the bank's own domain is proof as well.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

RECEIVER = "mx.google.com"
_MAX_HEADER = 16 * 1024
_ONE_WORD = dict.fromkeys(map(ord, filter(str.isspace, map(chr, range(0x3001)))), "_") | {ord(";"): "_", ord("="): "_"}


class Policy(StrEnum):
    """What is asked of a mail: strict wants proof; warn takes one without any result; off asks nothing."""

    STRICT = "strict"
    WARN = "warn"
    OFF = "off"


class Forwards(StrEnum):
    """Which mails that a person passed on are booked: those of the mailbox's owner, none, or whoever's."""

    OWN = "own"
    NEVER = "never"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom to believe beside the general policy: that of single banks, by code, and of people who pass mail on."""

    of_banks: Mapping[str, Policy] = field(default_factory=dict)
    forwards: Forwards = Forwards.OWN


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a mail counts as the bank's, and in words why; `doubtful` when it is taken without proof."""

    accepted: bool
    why: str
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """One method of an Authentication-Results header: dmarc=pass with its properties, names in lower case."""

    method: str
    result: str
    properties: dict[str, str]


def results(header: str | None) -> list[Result]:
    """Return what the receiving service found out, in order; nothing for a header that another server wrote."""
    if not header:
        return []
    pieces = _pieces(header[:_MAX_HEADER])
    written_by = pieces[0].split()[:1] if pieces else []
    if [name.lower() for name in written_by] != [RECEIVER]:
        return []
    found = []
    for piece in pieces[1:]:
        words = [word.partition("=") for word in piece.split()]
        if words and words[0][1]:
            properties = {name.lower(): value.lower() for name, _, value in words[1:]}
            found.append(Result(words[0][0].lower(), words[0][2].lower(), properties))
    return found


def verdict(header: str | None, domains: Collection[str], proof: Collection[str], policy: Policy) -> Verdict:
    """Return whether the header proves that one of the bank's domains sent the mail."""
    if policy is Policy.OFF:
        return Verdict(True, "the sender was not checked (policy off)", doubtful=True)
    found = results(header)
    dmarc = [result for result in found if result.method == "dmarc"]
    if any(result.result == "fail" for result in dmarc):
        return Verdict(False, "dmarc=fail: this mail is not from the sender it names")
    passed = [result.properties.get("header.from", "") for result in dmarc if result.result == "pass"]
    if passed and not all(aligned(domain, domains) for domain in passed):
        return Verdict(False, f"dmarc=pass is for {passed[0]!r}, which is no domain of the bank")
    if passed and "dmarc" in proof:
        return Verdict(True, f"dmarc=pass for {passed[0]}")
    return _without_dmarc(found, domains, proof, policy)


def is_owners(header: str | None, sender: str, owner: str | None) -> bool:
    """Tell whether a mail surely comes from the mailbox's own address: that is its From, and DMARC passes for it."""
    if owner is None or sender != owner.strip().lower():
        return False
    return verdict(header, [sender.rpartition("@")[2]], ["dmarc"], Policy.STRICT).accepted


def forged(header: str | None) -> bool:
    """Return whether the receiving service says that the mail is not from the sender it names."""
    return any(result.method == "dmarc" and result.result == "fail" for result in results(header))


def _without_dmarc(found: list[Result], domains: Collection[str], proof: Collection[str], policy: Policy) -> Verdict:
    for method, key in (("dkim", "header.i"), ("dkim", "header.d"), ("spf", "smtp.mailfrom")):
        for result in found:
            domain = result.properties.get(key, "").rpartition("@")[2]
            if method in proof and (result.method, result.result) == (method, "pass") and aligned(domain, domains):
                return Verdict(True, f"no dmarc, but {method}=pass for {domain}")
    if policy is Policy.WARN and not found:
        return Verdict(True, "nobody vouches for the sender (policy warn)", doubtful=True)
    if not found:
        return Verdict(False, f"no Authentication-Results of {RECEIVER} on top: nobody vouches for the sender")
    return Verdict(False, "neither DMARC nor a signature of the bank's domain passed")


def aligned(domain: str, domains: Collection[str]) -> bool:
    """Return whether a domain is one of the bank's or lies below one."""
    bare = domain.strip().strip('"').rstrip(".").lower()
    return any(bare == own or bare.endswith(f".{own}") for own in domains)


def _pieces(header: str) -> list[str]:
    """Split at semicolons outside quotes and comments; comments go, a quoted string becomes one word."""
    if "\\" in header:
        return _escaped_pieces(header)
    found: list[str] = []
    depth, quoted = 0, False
    for number, text in enumerate(header.split('"')):
        quoted ^= number > 0 and not depth
        if quoted:
            found.append(text.translate(_ONE_WORD))
        else:
            outside, depth = _uncommented(text, depth)
            found += outside
    return "".join(found).split(";")


def _uncommented(text: str, depth: int) -> tuple[list[str], int]:
    """Return what of a text without quotes stands outside comments, which may be nested, and how deep it ends."""
    outside = []
    for opened, behind in enumerate(text.split("(")):
        depth += opened > 0
        for closed, piece in enumerate(behind.split(")")):
            depth = max(0, depth - (closed > 0))
            if not depth:
                outside.append(piece)
    return outside, depth


def _escaped_pieces(header: str) -> list[str]:
    """Split one character at a time: a backslash in quotes or a comment takes the next one's meaning away."""
    pieces, depth, quoted, escaped = [""], 0, False, False
    for char in header:
        if escaped:
            escaped = False
        elif char == "\\" and (quoted or depth):
            escaped = True
            continue
        elif char == '"' and not depth:
            quoted = not quoted
            continue
        elif not quoted and char in "()":
            depth = max(0, depth + (1 if char == "(" else -1))
            continue
        elif char == ";" and not quoted and not depth:
            pieces.append("")
            continue
        if not depth:
            pieces[-1] += char.translate(_ONE_WORD) if quoted else char
    return pieces
