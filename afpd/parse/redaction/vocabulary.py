"""The words that belong to layouts and not to people: those by which bank files know mails, and their fixed text.

What stands in no bank file is taken for somebody's, and replaced.
"""

from collections.abc import Iterable, Iterator

from afpd.banks import BankSource
from afpd.parse.bankfile import BankFile, ExampleTable, TemplateTable
from afpd.parse.currencies import currency_words
from afpd.parse.dates import month_words
from afpd.parse.fold import fold
from afpd.parse.search import Encoded, Pattern
from afpd.parse.sources import drafts

_ESCAPES = Pattern(r"\\[A-Za-z]|\(\?P<\w+>|\(\?[a-zA-Z]+[:)]|\{\{\w+\}\}")
_TAGS = Pattern(r"(?s)<style.*?</style>|<[^<>]*>|&\w+;")
_STEMS = Pattern(r"(?P<stem>[a-z]{4,})(?:\[|\(|\.|\?)")
_ENDINGS = ("o", "a", "os", "as", "e", "es", "ed", "s", "do", "da", "ido", "ida", "ado", "ada", "on", "n", "y", "ing")
_WORDS = Pattern(r"\pL+")
_FIXED = (
    "am pm hrs hr horas hora utc gmt cst est pst sgt ist ast jst lun mar mie jue vie sab dom lunes martes "
    "miercoles jueves viernes sabado domingo mon tue wed thu fri sat sun monday tuesday wednesday thursday friday "
    "saturday sunday visa mastercard master amex american express debit credit card debito credito tarjeta cuenta "
    "account bank banco iban from to date subject sent cc de para fecha asunto enviado el reply forwarded message "
    "begin fwd fw rv re inicio del mensaje reenviado original mailto image imagen logo estimado estimada hola "
    "dear hello cliente customer señor señora "
)


def vocabulary(sources: Iterable[BankSource]) -> frozenset[str]:
    """Return the folded words that redaction leaves, of bank files that were proved."""
    found = set(fold(_FIXED).split()) | set(month_words()) | _words(" ".join(currency_words()))
    for draft in drafts(sources)[0]:
        found |= _of_file(draft.file)
    return frozenset(found)


def _of_file(file: BankFile) -> set[str]:
    found = _words(file.bank.name.replace("&", " "))
    for template in file.template:
        for pattern in _patterns(template):
            plain = _ESCAPES.removed_from(pattern)
            found |= _words(plain) | {stem + end for stem in _stems(plain) for end in _ENDINGS}
        for sample in template.sample:
            names = {word for one in sample.expect for word in _words(one.merchant or "")} | _words(sample.to)
            found |= _small_words(sample) - names
    for refusal in file.refusal:
        found |= _small_words(refusal)
    return found


def _patterns(template: TemplateTable) -> Iterator[str]:
    yield from (*template.subject, *template.must, *template.must_not, *template.sentence, *template.stops)
    yield from (pattern for pattern in (template.each, template.count) if pattern)
    for field in template.fields.values():
        yield from field.labels
        yield from (pattern for pattern in (field.pattern, field.after, field.take, field.below) if pattern)
    for case in template.case:
        yield case.matches
    if template.columns:
        yield from template.columns.others
        yield template.columns.row
        for labels in template.columns.fields.values():
            yield from labels


def _small_words(example: ExampleTable) -> set[str]:
    """Return the words that an example writes in small letters: names are written in large ones there."""
    text = _TAGS.removed_from(example.text or example.html or "") + " " + example.subject
    return {fold(word) for word in _each_word(text) if word.islower()}


def _stems(pattern: str) -> list[str]:
    """Return the words of a pattern whose ends it leaves open, such as `aprobad[ao]`."""
    return [hit.texts()["stem"] for hit in _STEMS.each(Encoded(pattern))]


def _words(text: str) -> set[str]:
    return {fold(word) for word in _each_word(text)}


def _each_word(text: str) -> list[str]:
    within = Encoded(text)
    return [text[start:end] for start, end in _WORDS.spans(within)]
