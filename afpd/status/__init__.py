"""What the daemon tells about itself over HTTP: read-only, cheap, and never silent."""

from afpd.status.checks import Watched, judge
from afpd.status.readiness import Check, Readiness
from afpd.status.server import serve_status
from afpd.status.snapshot import Snapshot

__all__ = ["Check", "Readiness", "Snapshot", "Watched", "judge", "serve_status"]
