"""The lines of a visit in the log: one when trouble begins, one when it ends. Repeats are for the row and for debug."""

from afpd.log import get
from afpd.model import ImportStatus
from afpd.schedule import Next
from afpd.store.claims import Claimed

log = get("import")


def tell_end(claimed: Claimed, state: Next, batch_id: int, *, well: bool, counts: bool = True) -> None:
    """Tell how a visit ended; one that does not count against its integration (`counts` False) only at debug.

    That an integration needs a person, and that it recovered from that, is told with its notice: loops.notices.
    """
    words = {"integration_id": claimed.id, "batch_id": batch_id, "state": state.import_status.value}
    first = claimed.standing.failures_in_a_row == 0
    if well and not first and claimed.noticed_at is None:
        log.info("integration.recovered", **words)
    elif not well and state.error is not None:
        is_loud = first and counts and state.import_status is not ImportStatus.ERROR
        tell = log.warning if is_loud else log.debug
        tell("integration.failed", reason=state.error, **words)
