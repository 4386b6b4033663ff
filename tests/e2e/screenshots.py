"""Take the pictures of the README and the documentation from a sample installation of its own: `make screenshots`.

The same records, the same window, the same steps each time; only dates and times move on.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
REMEMBERED = ROOT / "var" / "demo.port"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--font-render-hinting=none"]
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
PATIENCE = 180_000
#: So that a browser loads them quickly on a page of GitHub's.
LARGEST = 200_000


@contextmanager
def demo() -> Iterator[str]:
    """Run a demo with new data in a folder of its own; a demo of the reader's stays as it is."""
    before = REMEMBERED.read_text() if REMEMBERED.exists() else None
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "DATABASE_URL": f"sqlite:///{folder}/bms.sqlite3",
            "SIMULATOR_DATABASE_URL": f"sqlite:///{folder}/xero.sqlite3",
        }
        command = [sys.executable, "manage.py", "demo", "--port", str(port)]
        with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as running:
            try:
                _wait_for(running, "Connected to")
                yield f"http://localhost:{port}"
            finally:
                running.terminate()
                running.wait()
                if before is not None:
                    REMEMBERED.write_text(before)


def _wait_for(running: subprocess.Popen[str], words: str) -> None:
    assert running.stdout
    for line in running.stdout:
        if words in line:
            return
    raise SystemExit("The demo ended before it was connected.")


def control(site: str, what: str, **body: object) -> None:
    """Tell the simulated Xero how to behave."""
    asked = Request(f"{site}/sim/xero/control/{what}", json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        urlopen(asked, timeout=30).close()
    except URLError as error:
        raise SystemExit(f"The simulated Xero did not listen: {error}") from error


def signed_in(browser: Browser, site: str, name: str, **options: object) -> BrowserContext:
    context = browser.new_context(base_url=site, reduced_motion="reduce", locale="en-GB", **options)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto("/login/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(name)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("heading", name="Home").wait_for()
    page.close()
    return context


def shoot(page: Page, name: str) -> None:
    page.wait_for_load_state("networkidle")
    path = IMAGES / f"{name}.png"
    page.screenshot(path=path, animations="disabled", caret="hide")
    size = path.stat().st_size
    sys.stdout.write(f"{path.relative_to(ROOT)} {size // 1000} kB\n")
    if size > LARGEST:
        raise SystemExit(f"{path.name} is too large.")


def take(browser: Browser, site: str) -> None:
    """Walk through an export of all invoices, and take a picture of each kind of page."""
    finance = signed_in(browser, site, "finance", viewport=WIDE)
    page = finance.new_page()
    number = check(page)
    shoot(page, "check")
    control(site, "faults", faults=[{"what": "slow", "endpoint": "Items", "nth": 1, "times": 1, "seconds": 8}])
    page.get_by_label("These post to the ledger").check()
    page.get_by_role("button", name="Send ").click()
    page.locator("#progress progress").wait_for()
    time.sleep(5)
    shoot(page, "run")
    page.locator(".headline").wait_for()
    shoot(page, "result")
    page.goto(f"/finance/jobs/{number}/log/?q=INV-000")
    shoot(page, "log")
    page.goto("/")
    shoot(page, "home")
    for name, scheme, size in (("dark", "dark", WIDE), ("phone", "light", PHONE)):
        other = signed_in(browser, site, "finance", viewport=size, color_scheme=scheme)
        again = other.new_page()
        again.goto(f"/finance/jobs/{number}/")
        shoot(again, name)
    admin = signed_in(browser, site, "admin", viewport=WIDE).new_page()
    admin.goto("/finance/xero/setup/")
    shoot(admin, "setup")


def check(page: Page) -> str:
    """Check all invoices that are ready; return the job's number."""
    page.goto("/finance/xero/export-invoices/")
    page.get_by_role("button", name="Next").first.click()
    page.get_by_role("button", name="Select all").click()
    page.wait_for_load_state("networkidle")
    page.get_by_role("button", name="Next", exact=True).click()
    page.get_by_label("Authorised").check()
    page.get_by_role("button", name="Check ").click()
    page.get_by_role("button", name="Send ").wait_for()
    return page.url.rstrip("/").rsplit("/", 1)[-1]


def main() -> None:
    if not CHROMIUM:
        raise SystemExit("No Chromium: apt-get install chromium, or set CHROMIUM.")
    IMAGES.mkdir(exist_ok=True)
    with demo() as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        take(browser, site)
        browser.close()


if __name__ == "__main__":
    main()
