"""The arrows: xero_sync -> finance -> crm, and the simulated Xero stands alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = ("crm", "finance", "xero_sync", "xero_simulator")
#: What each app's models and domain code may import of the others.
ALLOWED = {
    "crm": {"crm"},
    "finance": {"crm", "finance"},
    "xero_sync": {"crm", "finance", "xero_sync"},
    "xero_simulator": {"xero_simulator"},
}
#: Pages may show what an arrow forbids to the domain: see docs/decisions.md.
PAGES = {"views.py", "urls.py", "admin.py", "lists.py", "forms.py"}


def modules(app: str) -> Iterator[Path]:
    for path in (ROOT / app).rglob("*.py"):
        if "migrations" not in path.parts:
            yield path


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("app", APPS)
def test_imports_point_one_way(app: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(app)
        for name in imports(path)
        if (top := name.split(".")[0]) in APPS and top not in ALLOWED[app]
        if app == "xero_simulator" or not (path.name in PAGES or "templatetags" in path.parts)
        if not (top == "xero_sync" and name == "xero_sync.links" and app != "xero_simulator")
    ]
    assert not wrong


def test_nothing_imports_the_simulated_xero() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for app in ("crm", "finance", "xero_sync", "bmsxero")
        for path in modules(app)
        for name in imports(path)
        if name.split(".")[0] == "xero_simulator"
    ]
    assert not wrong


def test_money_is_never_a_binary_fraction() -> None:
    word = re.compile(r"\bfloat\b")
    wrong = [
        f"{path.relative_to(ROOT)}:{number}"
        for app in (*APPS, "bmsxero", "templates")
        for path in (ROOT / app).rglob("*")
        if path.suffix in {".py", ".html"}
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if word.search(line)
    ]
    assert not wrong


def test_only_the_engine_catches_every_exception() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for app in (*APPS, "bmsxero")
        for path in modules(app)
        if (ROOT / app).is_dir()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}))
    ]
    assert [place.split(":")[0] for place in wrong] == ["xero_sync/engine.py"]
