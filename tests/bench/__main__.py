"""Run the benchmarks, each in a process of its own, and print one table: `make bench`, or `make bench ARGS="ours"`."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from typing import Any

from tests.bench.run import MEASUREMENTS

COLUMNS = ("what", "page", "records", "calls", "wall_s", "cpu_s", "peak_mb", "queries", "p50_ms", "p95_ms",
           "first_byte_ms")  # fmt: skip


def measure(name: str) -> list[dict[str, Any]] | None:
    """Return the figures of one measurement; none if it went wrong, which is shown."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.run", name], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        print(f"{name} failed:\n{done.stderr[-3000:]}", file=sys.stderr, flush=True)
        return None
    lines = [line.removeprefix("BENCH ") for line in done.stdout.splitlines() if line.startswith("BENCH ")]
    return [json.loads(line) for line in lines]


def main(wanted: list[str]) -> None:
    unknown = set(wanted) - set(MEASUREMENTS)
    if unknown:
        sys.exit(f"No such measurement: {', '.join(sorted(unknown))}. There are: {', '.join(MEASUREMENTS)}.")
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}")
    print(f"| measurement | {' | '.join(COLUMNS)} |")
    print(f"|---|{'---|' * len(COLUMNS)}")
    failed = []
    for name in wanted or MEASUREMENTS:
        found = measure(name)
        if found is None:
            failed.append(name)
        for figures in found or ():
            print(f"| {name} | {' | '.join(str(figures.get(column, '')) for column in COLUMNS)} |", flush=True)
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}.")


if __name__ == "__main__":
    main(sys.argv[1:])
