"""What single values cannot tell: settings that contradict each other."""

from collections.abc import Iterator
from dataclasses import dataclass

from afpd.config.kinds import is_loopback
from afpd.config.leaves import Key
from afpd.config.settings import Settings
from afpd.config.units import format_duration


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Settings that do not go together; `keys` names the one to mend first."""

    keys: tuple[Key, ...]
    sentence: str


def contradictions(settings: Settings) -> Iterator[Contradiction]:
    """Yield every pair of settings that cannot hold together."""
    imports, gmail, status = settings.imports, settings.gmail, settings.status
    if imports.lease <= gmail.visit_deadline:
        # A lease that ends during the visit would let a second visit of the same mailbox begin.
        yield Contradiction(
            (("import", "lease"), ("gmail", "visit_deadline")),
            f"import.lease must be longer than gmail.visit_deadline ({format_duration(gmail.visit_deadline)})",
        )
    if imports.backoff_max < imports.backoff_base:
        yield Contradiction(
            (("import", "backoff_max"), ("import", "backoff_base")),
            "import.backoff_max must not be shorter than import.backoff_base "
            f"({format_duration(imports.backoff_base)})",
        )
    if not is_loopback(status.host) and status.token_file is None:
        yield Contradiction(
            (("status", "host"), ("status", "token_file")),
            f'status.host = "{status.host}" is reachable from other machines: '
            'set status.token_file, or use "127.0.0.1"',
        )
