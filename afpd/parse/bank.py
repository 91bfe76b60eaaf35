"""A bank, ready to read with: built from its checked file."""

import hashlib
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import afpd
from afpd.parse.bankfile import BankFile
from afpd.parse.choice import Chooser
from afpd.parse.template import Template, build_templates


@dataclass(frozen=True, slots=True)
class Bank:
    """What one bank file says. `senders` bring transactions, `silent` addresses are known to bring none."""

    code: str
    name: str
    country: str
    currency: str
    zone: ZoneInfo
    domains: tuple[str, ...]
    proof: tuple[str, ...]
    senders: tuple[str, ...]
    silent: tuple[str, ...]
    chooser: Chooser
    fingerprint: str

    @property
    def templates(self) -> tuple[Template, ...]:
        """Return the bank's templates in the order in which they are tried."""
        return self.chooser.templates


def build_bank(file: BankFile) -> Bank:
    """Return the bank of a checked file."""
    about = file.bank
    return Bank(
        code=about.code,
        name=about.name,
        country=about.country,
        currency=about.currency,
        zone=ZoneInfo(about.zone),
        domains=tuple(about.domains),
        proof=tuple(about.proof),
        senders=tuple(sender.address for sender in file.sender if sender.brings == "transactions"),
        silent=tuple(sender.address for sender in file.sender if sender.brings == "nothing"),
        chooser=Chooser(build_templates(file)),
        fingerprint=_fingerprint(file),
    )


def _fingerprint(file: BankFile) -> str:
    """Return what changes when the file or the program that reads with it does: comments are no change."""
    said = f"{afpd.__version__}\n{file.model_dump_json()}"
    return hashlib.sha256(said.encode()).hexdigest()[:16]
