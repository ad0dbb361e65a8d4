"""How long training takes beside busy programs, by how threads wait for one another, in turns.

The command sets GOMP_SPINCOUNT; libgomp's own is 300,000. What is timed is a whole `belamy train digits`, with
its start.

    python benchmarks/waiting.py [--samples 6000] [--busy 0 1] [--spins 1000 300000] [--rounds 3] [--limit 120]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console


@contextmanager
def busy(programs: int) -> Iterator[None]:
    """So many other programs that each want a core."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(programs)]
    try:
        yield
    finally:
        for each in running:
            each.kill()
            each.wait()


def seconds(samples: int, spins: int, limit: float) -> float:
    """Of a short training, or the limit where it was not done by then."""
    environment = {**os.environ, "GOMP_SPINCOUNT": str(spins)}
    with tempfile.TemporaryDirectory() as folder:
        words = [
            "train",
            "digits",
            "--train-samples",
            str(samples),
            "--out",
            str(Path(folder) / "run"),
            "--no-progress",
        ]
        started = time.perf_counter()
        try:
            subprocess.run([sys.executable, "-m", "belamy", *words], env=environment, check=True, timeout=limit,
                           stdout=subprocess.DEVNULL)  # fmt: skip
        except subprocess.TimeoutExpired:
            return limit
        return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=6000)
    parser.add_argument("--busy", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--spins", type=int, nargs="+", default=[1000, 300_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=float, default=120, help="seconds after which a run is broken off")
    chosen = parser.parse_args()
    for programs in chosen.busy:
        taken: dict[int, list[float]] = {spins: [] for spins in chosen.spins}
        with busy(programs):
            for _ in range(chosen.rounds):
                for spins, found in taken.items():
                    found.append(seconds(chosen.samples, spins, chosen.limit))
        for spins, found in taken.items():
            broken = " (broken off)" if max(found) >= chosen.limit else ""
            Console(width=200).print(
                f"{programs} busy programs, {spins:,} turns: {statistics.median(found):.1f} s "
                f"({min(found):.1f} to {max(found):.1f}){broken}", highlight=False
            )  # fmt: skip


if __name__ == "__main__":
    main()
