"""How fast /status answers while an import runs. Prints figures; run by `make bench-status`.

A sandbox of 1,000 integrations with 20 mails each, a daemon that imports them from nothing, and one caller that asks
/status over a new connection every 20 ms until the import is over, as `curl` does.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.daemon import Daemon, afpd, get, sandbox, write_config

USERS, MAILS = int(sys.argv[1]) if len(sys.argv) > 1 else 1000, 20


def main() -> None:
    """Run once and print the percentiles."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with sandbox(folder, "--users", str(USERS), "--mails", str(MAILS)) as url:
            config = write_config(folder, url)
            added = afpd("integrations", "add", "--from", str(folder / "gmail" / "users.jsonl"), config=config)
            if added.returncode:
                sys.exit(added.stderr)
            daemon = Daemon(config)
            port = daemon.port
            started = time.monotonic()
            took = _ask(port)
            seconds = time.monotonic() - started
            kept = get(f"http://127.0.0.1:{port}/status")[1]["last_batch"]["total_emails_processed"]
            daemon.stop()
    cuts = statistics.quantiles(took, n=100)
    print(f"{USERS} integrations, {kept} mails imported in {seconds:.1f} s ({kept / seconds:.0f} mails/s)")
    print(
        f"/status during it, {len(took)} answers: p50 {cuts[49]:.1f} ms, p95 {cuts[94]:.1f} ms, p99 {cuts[98]:.1f} ms"
    )


def _ask(port: int) -> list[float]:
    took: list[float] = []
    while True:
        began = time.perf_counter()
        _, status = get(f"http://127.0.0.1:{port}/status")
        took.append((time.perf_counter() - began) * 1000)
        if status["last_batch"] is not None:
            return took
        time.sleep(0.02)


if __name__ == "__main__":
    main()
