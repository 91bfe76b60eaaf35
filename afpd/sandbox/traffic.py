"""What came in: counters that tests and rehearsals read."""

from collections import Counter


class Traffic:
    """Requests per method, per user and method, gets per message, and how many of a user's calls ran at once."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.by_user: Counter[tuple[str, str]] = Counter()
        self.gets: Counter[tuple[str, str]] = Counter()
        self.in_flight: Counter[str] = Counter()
        self.peak: Counter[str] = Counter()

    def count(self, method: str, user: str, message_id: str | None = None) -> None:
        """Count one request; `message_id` only for messages.get."""
        self.requests[method] += 1
        self.by_user[user, method] += 1
        if method == "messages.get" and message_id:
            self.gets[user, message_id] += 1

    def enter(self, user: str) -> int:
        """Note that a call of the user began; return how many are running now."""
        self.in_flight[user] += 1
        self.peak[user] = max(self.peak[user], self.in_flight[user])
        return self.in_flight[user]

    def leave(self, user: str) -> None:
        """Note that a call of the user ended."""
        self.in_flight[user] -= 1
