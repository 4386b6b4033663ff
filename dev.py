#!/usr/bin/env python3
"""Make .venv, install the locked packages, and run one job: install, demo, test, soak, bench, screenshots,
lint, audit, or manage.

`manage` runs a command of manage.py on the sample installation that `demo` made.

Standard library only, so that a fresh machine needs nothing but Python 3.11 and git.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
RUNTIME, EVERYTHING = ROOT / "requirements.lock", ROOT / "requirements-dev.lock"


def call(*command: str | Path) -> None:
    subprocess.run([str(part) for part in command], cwd=ROOT, check=True)


def install(lock: Path) -> None:
    """Install exactly what the lock file names, unless that has been done already."""
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    stamp = VENV / f"{lock.stem}.installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    if not PYTHON.exists():
        print("Making .venv …", flush=True)
        try:
            call(sys.executable, "-m", "venv", VENV)
        except subprocess.CalledProcessError:
            sys.exit("Python's venv module is missing. On Debian and Ubuntu: apt-get install python3-venv")
    print(f"Installing {lock.name} …", flush=True)
    pip: list[str | Path] = [PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    try:  # uv is ten times faster; where it can't be had, pip does the same
        call(*pip, "uv")
        # Compiled once here, rather than at the start of each process where nothing may be written later
        uv: list[str | Path] = [
            PYTHON,
            "-m",
            "uv",
            "pip",
            "install",
            "--quiet",
            "--compile-bytecode",
            "--python",
            PYTHON,
        ]
        call(*uv, "--require-hashes", "-r", lock)
    except subprocess.CalledProcessError:
        call(*pip, "--require-hashes", "-r", lock)
    stamp.write_text(wanted)
    if lock == EVERYTHING:
        (VENV / f"{RUNTIME.stem}.installed").write_text(hashlib.sha256(RUNTIME.read_bytes()).hexdigest())


def run(*command: str | Path) -> int:
    """Run in the foreground; Ctrl-C reaches the child, whose clean end we wait for."""
    with subprocess.Popen([str(part) for part in command], cwd=ROOT) as child:
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:
                continue


def audit() -> int:
    """Ask PyPI which of the locked packages have known weaknesses. What could not be asked is said, and is no fault."""
    tool = [str(PYTHON), "-m", "uv", "tool", "run", "pip-audit", "--require-hashes", "--disable-pip", "-f", "json"]
    told = subprocess.run([*tool, "-r", str(EVERYTHING)], cwd=ROOT, capture_output=True, text=True, check=False)
    if not told.stdout:
        print(f"NOT AUDITED: pip-audit could not be had, or reached nobody. {told.stderr[-300:]}")
        return 0
    packages = json.loads(told.stdout)["dependencies"]
    weak = [each for each in packages if each.get("vulns")]
    asked = [each for each in packages if "skip_reason" not in each]
    for each in weak:
        for known in each["vulns"]:
            mended = ", ".join(known["fix_versions"]) or "no version yet"
            print(f"{each['name']} {each['version']}: {known['id']}, mended in {mended}")
    note = "" if len(asked) == len(packages) else f"NOT AUDITED: {len(packages) - len(asked)} packages. "
    print(f"{note}{len(asked)} packages audited, {len(weak)} with known weaknesses.")
    return 1 if weak else 0


def main(job: str, *args: str) -> int:
    if sys.version_info < (3, 11):
        sys.exit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.")
    match job:
        case "install":
            install(EVERYTHING)
            return 0
        case "demo" | "manage":
            install(RUNTIME)
            os.environ.setdefault("BMS_SAMPLE", "1")
            return run(PYTHON, "manage.py", *([job] if job == "demo" else []), *args)
        case "test":
            install(EVERYTHING)
            return run(PYTHON, "-m", "pytest", *args)
        case "screenshots":
            install(EVERYTHING)
            os.environ["BMS_SAMPLE"] = "1"
            return run(PYTHON, "-m", "tests.e2e.screenshots")
        case "bench":
            install(EVERYTHING)
            return run(PYTHON, "-m", "tests.bench", *args)
        case "soak":
            install(EVERYTHING)
            return run(PYTHON, "-m", "tests.faults.soak", *args)
        case "audit":
            install(EVERYTHING)
            return audit()
        case "lint":
            install(EVERYTHING)
            os.environ.setdefault("DEBUG", "1")  # mypy's Django plugin reads the settings
            commands: list[list[str | Path]] = [
                [BIN / "ruff", "check", "."],
                [BIN / "ruff", "format", "--check", "."],
                [BIN / "djade", "--check", *sorted((ROOT / "templates").rglob("*.html"))],
                [PYTHON, "-m", "mypy"],
            ]
            return max(run(*command) for command in commands)
    sys.exit(__doc__)


if __name__ == "__main__":
    sys.exit(main(*(sys.argv[1:] or [""])))
