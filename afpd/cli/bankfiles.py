"""The library as verbs need it: of the shipped bank files, and of one's own."""

from collections.abc import Iterable
from pathlib import Path

from afpd import banks
from afpd.banks import BankSource
from afpd.config import Settings
from afpd.parse.library import Library, load_library
from afpd.parse.trust import trust_of


def library_of(settings: Settings | None, *, beside: Iterable[BankSource] = (), without: Path | None = None) -> Library:
    """Return the library of the shipped files, those of the configured folders but one, and `beside`.

    Raises TemplateError with a line for each mistake, ConfigError for a folder that cannot be read.
    """
    sources = banks.shipped()
    for folder in settings.banks.folders if settings else ():
        sources += [
            one for one in banks.in_folder(folder) if not without or Path(one.name).resolve() != without.resolve()
        ]
    if settings is None:
        return load_library([*sources, *beside])
    return load_library([*sources, *beside], countries=settings.banks.countries, trust=trust_of(settings.banks))
