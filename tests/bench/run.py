"""One measurement in this process: `python -m tests.bench.run NAME`. `tests.bench` starts these."""

from __future__ import annotations

import sys
from collections.abc import Callable

from tests.bench import export_invoices, imports, many_jobs, pages

SLOW_MS = 2000
MEASUREMENTS: dict[str, Callable[[], None]] = {
    "ours": lambda: export_invoices.ours(0),
    "least": lambda: export_invoices.least(0),
    "loop": lambda: export_invoices.loop(0),
    "ours-slow": lambda: export_invoices.ours(SLOW_MS),
    "least-slow": lambda: export_invoices.least(SLOW_MS),
    # A thousand would take forty minutes: twenty, and what they cost is said per record
    "loop-slow": lambda: export_invoices.loop(SLOW_MS, invoices=20),
    "contacts-1k": lambda: imports.contacts(1_000),
    "contacts-10k": lambda: imports.contacts(10_000),
    "contacts-100k": lambda: imports.contacts(100_000),
    "payments-1k": lambda: imports.payments(1_000),
    "payments-10k": lambda: imports.payments(10_000),
    "pages-1x": lambda: pages.pages(large=False),
    "pages-100x": lambda: pages.pages(large=True),
    "check-1k": lambda: pages.check(1_000),
    "check-10k": lambda: pages.check(10_000),
    "mend-14": lambda: pages.recheck(1_000, touched=14),
    "mend-300": lambda: pages.recheck(1_000, touched=300),
    "csv-1k": lambda: pages.csv(1_000),
    "csv-100k": lambda: pages.csv(100_000),
    "parallel": many_jobs.parallel,
    "fair": many_jobs.fair,
}

if __name__ == "__main__":
    MEASUREMENTS[sys.argv[1]]()
