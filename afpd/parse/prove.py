"""The gate: a bank file is only used when its own samples and refusals prove it."""

from collections.abc import Callable, Iterator
from typing import Any

from afpd.model import Outcome, Transaction
from afpd.parse.bank import Bank
from afpd.parse.bankfile import BankFile, ExampleTable, ExpectedTable, SampleTable, TemplateTable
from afpd.parse.markup import of_html
from afpd.parse.owners import Owners
from afpd.parse.sources import Place
from afpd.parse.template import Template
from afpd.parse.text import Text, of_plain
from afpd.parse.transactions import Surroundings

LEAST_SAMPLES = 2


def prove(file: BankFile, bank: Bank, where: Callable[[Place], str]) -> list[str]:
    """Return everything by which a bank fails to prove, one sentence each with file and line; none if it proves.

    `where` tells file and line of a place in the tables.

    Every template reads each of its samples exactly, no other template of the bank reads it differently, and no
    template reads a refusal.
    """
    return [f"{where(place)}: {words}" for place, words in _problems(file, bank)]


def _problems(file: BankFile, bank: Bank) -> Iterator[tuple[Place, str]]:
    for number, (table, template) in enumerate(zip(file.template, bank.templates, strict=True)):
        if len(table.sample) < LEAST_SAMPLES and table.gives == "transactions":
            yield ("template", number), f"template {table.name}: it needs {LEAST_SAMPLES} samples at least"
        for at, sample in enumerate(table.sample):
            for words in _sample_problems(bank, template, table, sample):
                yield ("template", number, "sample", at), f"template {table.name}, sample {at + 1}: {words}"
    for at, refusal in enumerate(file.refusal):
        choice = bank.chooser.read(*_opened(refusal))
        if choice.outcome is Outcome.SUCCESS and choice.template:
            yield ("refusal", at), f"refusal {at + 1}: template {choice.template.name} reads it"


def _sample_problems(bank: Bank, template: Template, table: TemplateTable, sample: SampleTable) -> Iterator[str]:
    text, around = _opened(sample)
    choice = bank.chooser.read(text, around)
    wanted = Outcome.SUCCESS if table.gives == "transactions" else Outcome.IGNORED
    if choice.template is not template or choice.outcome is not wanted:
        own = next((verdict.why for verdict in choice.verdicts if verdict.template is template), "it was not asked")
        decided = f"template {choice.template.name} decides" if choice.template else "no template fits"
        yield f"{decided} ({choice.outcome}: {choice.why}); of this one: {own}"
        return
    yield from _differences(sample.expect, choice.transactions)
    for other in bank.templates:
        differing = bank.chooser.alone(other, text, around) if other is not template else None
        if differing is not None and differing.transactions != choice.transactions:
            yield f"template {other.name} reads it too, and differently ({differing.why})"


def _differences(expected: list[ExpectedTable], read: tuple[Transaction, ...]) -> Iterator[str]:
    if len(expected) != len(read):
        yield f"{len(read)} transactions instead of {len(expected)}"
        return
    for number, (want, got) in enumerate(zip(expected, read, strict=True), start=1):
        told: dict[str, Any] = got.as_record()
        for field, value in want.model_dump(mode="json").items():
            if told[field] != value:
                yield f"transaction {number}: {field} is {told[field]!r} instead of {value!r}"


def _opened(example: ExampleTable) -> tuple[Text, Surroundings]:
    text = of_html(example.html) if example.html is not None else of_plain(example.text or "")
    return text, Surroundings(example.received, example.subject, Owners(lambda: [(example.to, "")]))
