"""The soak, short: real workers, PostgreSQL, Redis, kills at random. `make soak` is the long one."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.xero_sync.simulated import ROOT

pytestmark = [
    pytest.mark.fault,
    pytest.mark.worker,
    pytest.mark.skipif(os.environ.get("TEST_SERVICES") != "1", reason="needs PostgreSQL and Redis: TEST_SERVICES=1"),
]


def test_a_short_soak_finds_nothing() -> None:
    size = ["--invoices", "120", "--kills", "10", "--organisations", "3", "--workers", "2", "--pace", "0.2,0.8"]
    soak = [sys.executable, "-m", "tests.faults.soak", *size]
    ran = subprocess.run(soak, cwd=ROOT, capture_output=True, text=True, timeout=400, check=False)
    assert ran.returncode == 0, ran.stdout[-3000:]
