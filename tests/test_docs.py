"""The docs keep what they promise: links lead somewhere, and the how-to's code is code of this product."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from xero_python.accounting import TrackingCategory

import finance.models
from finance.models import AccountCode
from xero_sync.kinds.base import ExportKind

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


@pytest.mark.parametrize("document", PAGES, ids=lambda document: document.name)
def test_every_link_of_a_page_leads_to_a_file(document: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text())
    missing = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("document", PAGES, ids=lambda document: document.name)
def test_every_path_that_a_page_names_exists(document: Path) -> None:
    named = re.findall(r"`((?:xero_sync|bmsxero|tests|finance|crm|xero_simulator|docs)/[\w/.]+)`", document.read_text())
    invented = {"xero_sync/kinds/departments.py", "xero_sync/wizards/departments.py"}
    assert [path for path in named if path not in invented and not (ROOT / path).exists()] == []


def test_the_how_to_for_a_new_kind_works_as_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    # Departments exist on that page only: any record with a name stands in for one
    monkeypatch.setattr(finance.models, "Department", AccountCode, raising=False)
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "add-a-kind.md").read_text(), re.DOTALL)
    made: dict[str, Any] = {"__name__": "departments"}
    exec(compile(code, "add-a-kind.md", "exec"), made)
    kind = made["DepartmentExport"]()  # every abstract method is there
    own = {name for name in vars(type(kind)) if not name.startswith("_")}
    assert own <= {*dir(ExportKind), *ExportKind.__annotations__}, "every hook that it names is one"
    sales = AccountCode(name="Sales")
    assert kind.to_xero(sales, None) == TrackingCategory(name="Sales")
    assert kind.element_keys(sales, None) == kind.remote_keys({"Name": "SALES"})
    assert [problem.reason for problem in kind.problems(AccountCode(name="x" * 101), None)] == ["too_long"]


def test_the_picture_of_the_architecture_says_in_words_what_it_shows() -> None:
    picture = (ROOT / "docs" / "images" / "architecture.svg").read_text()
    assert 'role="img"' in picture
    assert "<title" in picture
    assert "<desc" in picture
