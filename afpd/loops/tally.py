"""What a batch came to, per user. Of users beyond the listed ones who have nothing to tell only the names are held."""

from dataclasses import dataclass, field
from typing import Any

LISTED_USERS = 500


@dataclass(slots=True)
class Tally:
    """Totals of a batch and its user_results.

    Every user is listed up to LISTED_USERS; beyond that those with mail or an error, the others are counted.
    `skipped` counts visits that were passed over.
    """

    batch_size: int = 0
    found: int = 0
    processed: int = 0
    errors: int = 0
    skipped: int = 0
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    quiet: set[str] = field(default_factory=set)

    def add(self, user_id: str, integration_id: int, *, found: int, processed: int, error: str | None) -> None:
        """Add the end of one visit; `error` is its message, None when it ended well. A second one adds to the first."""
        self.batch_size += 1
        self.found += found
        self.processed += processed
        self.errors += error is not None
        if not (found or processed or error) and self._is_crowded(user_id):
            self.quiet.add(user_id)
            return
        self.quiet.discard(user_id)
        user = self.users.setdefault(user_id, {"emails_found": 0, "emails_processed": 0, "integrations": {}})
        user["emails_found"] += found
        user["emails_processed"] += processed
        before = user["integrations"].get(str(integration_id), {"emails_found": 0, "emails_processed": 0})
        user["integrations"][str(integration_id)] = {
            "emails_found": before["emails_found"] + found,
            "emails_processed": before["emails_processed"] + processed,
            "error": error,
        }

    def results(self) -> dict[str, Any]:
        """Return user_results as contract gives them; with more than LISTED_USERS users the quiet ones as a number."""
        if len(self.users) + len(self.quiet) <= LISTED_USERS:
            return dict(self.users)
        telling = {key: user for key, user in self.users.items() if _tells(user)}
        return {**telling, "unchanged": len(self.quiet) + len(self.users) - len(telling)}

    def _is_crowded(self, user_id: str) -> bool:
        return len(self.users) >= LISTED_USERS and user_id not in self.users


def _tells(user: dict[str, Any]) -> bool:
    return bool(user["emails_found"] or user["emails_processed"]) or any(
        integration["error"] for integration in user["integrations"].values()
    )
