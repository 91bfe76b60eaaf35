"""Whether the daemon can do its work now, check by check."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One thing the daemon needs: its name, whether it is all right, and if not, why, in words."""

    name: str
    ok: bool
    why: str = ""

    def line(self) -> str:
        """Return the check as /readyz?verbose shows it."""
        return f"[+] {self.name}: ok" if self.ok else f"[-] {self.name}: {self.why or 'failed'}"


@dataclass(frozen=True, slots=True)
class Readiness:
    """All checks together; ready when every one of them is."""

    checks: tuple[Check, ...]

    @property
    def ready(self) -> bool:
        """Whether every check is all right."""
        return all(check.ok for check in self.checks)
