"""What a reload replaces while everything else goes on."""

from dataclasses import dataclass

from afpd import banks, log
from afpd.config import Loaded, Settings
from afpd.errors import ConfigError, TemplateError
from afpd.gmail import Gmail
from afpd.parse.library import Library, load_library
from afpd.parse.trust import trust_of

# Tables of afpd.toml that only a restart can change.
_NEEDS_RESTART = ("database", "secrets", "status", "daemon")

logger = log.get("daemon")


@dataclass(slots=True)
class Live:
    """The configuration of the moment, and what was made from it."""

    settings: Settings
    library: Library
    gmail: Gmail


def library_of(settings: Settings) -> Library:
    """Load the shipped bank files and those of the configured folders.

    Raises ConfigError for a folder that cannot be read, or for bank files that are wrong or do not prove.
    """
    sources = list(banks.shipped())
    for folder in settings.banks.folders:
        sources += banks.in_folder(folder)
    try:
        return load_library(sources, countries=settings.banks.countries, trust=trust_of(settings.banks))
    except TemplateError as error:
        raise ConfigError(str(error)) from error


def succeed(old: Live, loaded: Loaded, new: Live) -> Live:
    """Return what goes on after a reload: the new, but for what only a restart can change, which is said."""
    settings = loaded.settings
    log.configure(settings.log.level.value, settings.log.format.value)
    for name in _NEEDS_RESTART:
        if getattr(old.settings, name) != getattr(settings, name):
            logger.warning("config.needs_restart", table=name)
    kept = {name: getattr(old.settings, name) for name in _NEEDS_RESTART}
    logger.info("config.reloaded", banks=len(new.library.banks))
    return Live(settings.model_copy(update=kept), new.library, new.gmail)
