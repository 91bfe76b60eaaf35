"""Loops that tick on a grid until the daemon stops. Knows nothing about mail.

A loop ticks, then pauses until its next grid point: no drift (points are counted from the first tick and not from the
end of a run), no overlap, no pile-up (a tick that outlasts its interval skips the points it missed). A failing tick is
counted and the loop goes on; a loop that is gone ends all of them, because a daemon with a missing loop must not look
alive. Nothing is cleaned up on cancel: whatever was claimed is released by the next start, as after `kill -9`.
"""

from afpd.supervisor.loop import Loop, lifeless
from afpd.supervisor.run import supervise

__all__ = ["Loop", "lifeless", "supervise"]
