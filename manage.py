#!/usr/bin/env python
"""Django's command line. `demo`, and anything with BMS_SAMPLE=1, works on the sample installation."""

import os
import sys
from pathlib import Path

VAR = Path(__file__).resolve().parent / "var"


def sample_environment(port: str) -> dict[str, str]:
    """Return what the sample installation runs with, where the environment doesn't say otherwise."""
    return {
        "DEBUG": "1",
        "SITE_URL": f"http://localhost:{port}",
        "DATABASE_URL": f"sqlite:///{VAR / 'demo.sqlite3'}",
        "SIMULATOR_DATABASE_URL": f"sqlite:///{VAR / 'demo-simulator.sqlite3'}",
        # So that whoever tries a lost answer out need not wait seven minutes
        "XERO_SETTLE_SECONDS": "20",
        "SWEEP_SECONDS": "5",
    }


def port_of(arguments: list[str]) -> str:
    """Return the port in the arguments, else the one that the demo was last started on."""
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        if argument == "--port":
            return following
        if argument.startswith("--port="):
            return argument.removeprefix("--port=")
    remembered = VAR / "demo.port"
    return remembered.read_text() if arguments[1:2] != ["demo"] and remembered.exists() else "8000"


if __name__ == "__main__":
    if sys.argv[1:2] == ["demo"] or os.environ.get("BMS_SAMPLE") == "1":
        for name, value in sample_environment(port_of(sys.argv)).items():
            os.environ.setdefault(name, value)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bmsxero.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
