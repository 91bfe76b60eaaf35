"""For each trap the naive importer: one exact change of the source, and the test that must then fail.

`python -m traps.mutations [NUMBER…]` copies the package to a temporary folder, breaks one rule there, runs the test
that stands for it, and demands that it fails. A change whose old text no longer stands in the source is an error: the
rule moved, and its mutation has to follow. `make mutations` runs all of them.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from traps.naive import MUTATIONS, Mutation

ROOT = Path(__file__).parents[2]
SECONDS = 120
_FAILED = 1  # pytest's exit status when tests ran and some failed


@dataclass(frozen=True)
class Verdict:
    """Whether a test caught a mutation, and in words what happened if not."""

    mutation: Mutation
    trouble: str | None

    def __str__(self) -> str:
        return f"trap {self.mutation.trap:>2}  {self.trouble or 'caught'}: {self.mutation.naive}"


def mutated(source: str, mutation: Mutation) -> str:
    """Return the source with one rule broken. Raises ValueError when its text does not stand there exactly once."""
    found = source.count(mutation.old)
    if found != 1:
        raise ValueError(f"{mutation.path} has the text of this mutation {found} times: it must follow the source")
    return source.replace(mutation.old, mutation.new)


def judge(mutation: Mutation, root: Path = ROOT) -> Verdict:
    """Break one rule in a copy, and run the test that stands for it."""
    with tempfile.TemporaryDirectory(prefix="afpd-mutation-") as folder:
        copy = Path(folder)
        for name in ("afpd", "tests/support", "tests/model", "tests/traps"):
            shutil.copytree(root / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(root / "pyproject.toml", copy)
        target = copy / mutation.path
        try:
            target.write_text(mutated(target.read_text(encoding="utf-8"), mutation), encoding="utf-8")
        except ValueError as trouble:
            return Verdict(mutation, str(trouble))
        return Verdict(mutation, _trouble_of(_pytest(copy, mutation.test)))


def _pytest(copy: Path, test: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", f"tests/traps/{test}"]
    there = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=copy, env=there, capture_output=True, text=True, timeout=SECONDS, check=False)


def _trouble_of(run: "subprocess.CompletedProcess[str]") -> str | None:
    if run.returncode == _FAILED and " error" not in run.stdout.splitlines()[-1]:
        return None
    last = run.stdout.strip().splitlines()[-1:] or run.stderr.strip().splitlines()[-1:]
    return f"NOT CAUGHT (exit {run.returncode}, {' '.join(last)})"


def main(words: Sequence[str]) -> int:
    """Judge the mutations of the traps that are named by number, or all. Returns how many were not caught."""
    chosen = [mutation for mutation in MUTATIONS if not words or str(mutation.trap) in words]
    missed = 0
    for mutation in chosen:
        verdict = judge(mutation)
        missed += verdict.trouble is not None
        print(verdict, flush=True)
    print(f"{len(chosen) - missed} of {len(chosen)} mutations caught, of {len({m.trap for m in chosen})} traps")
    return missed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
