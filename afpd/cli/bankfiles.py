"""The library as verbs need it: of the shipped bank files, and of one's own."""

from collections.abc import Iterable

from afpd import banks
from afpd.banks import BankSource
from afpd.config import Settings
from afpd.parse.library import Library, load_library


def library_of(settings: Settings | None, *, beside: Iterable[BankSource] = ()) -> Library:
    """Return the library of the shipped files, those of the configured folders, and `beside`.

    Raises TemplateError with a line for each mistake, ConfigError for a folder that cannot be read.
    """
    sources = banks.shipped()
    for folder in settings.banks.folders if settings else ():
        sources += banks.in_folder(folder)
    return load_library([*sources, *beside])
