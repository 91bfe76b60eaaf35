"""What the daemon tells about itself over HTTP: read-only, cheap, and never silent."""

from afpd.status.checks import Watched, judge
from afpd.status.readiness import Check, Readiness
from afpd.status.server import serve_status
from afpd.status.snapshot import Snapshot
from afpd.status.thread import in_thread

__all__ = ["Check", "Readiness", "Snapshot", "Watched", "in_thread", "judge", "serve_status"]
