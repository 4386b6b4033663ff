"""What tests of the wizards share: open a list, press what is on it, follow it to a job."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.test import Client

from xero_sync.models import Job
from xero_sync.wizards import WIZARDS


def opened(client: Client, name: str, **asked: Any) -> Any:
    """Open the list of a wizard; the selection gets an id of its own in the address."""
    return client.get(WIZARDS[name].url, {"draft": str(uuid4()), **asked}, follow=True)


def press(client: Client, page: Any, do: str = "", **posted: Any) -> Any:
    """Send the form of a list, its boxes as they were shown unless told otherwise."""
    rows = [row.choice for row in page.context["grid"].rows if row.choice]
    form = {
        "here": page.wsgi_request.GET.urlencode(),
        "shown": [row.key for row in rows],
        "ids": [row.key for row in rows if row.chosen],
        "do": do,
    }
    return client.post(f"/finance/xero/select/{page.context['wizard'].name}/", form | posted, follow=True)


def to_check(client: Client, page: Any, **posted: Any) -> Job:
    """Press Next on a list without options of its own."""
    rows = [row.choice for row in page.context["grid"].rows if row.choice]
    form = {
        "here": page.wsgi_request.GET.urlencode(),
        "shown": [row.key for row in rows],
        "ids": [row.key for row in rows if row.chosen],
        "token": str(uuid4()),
    }
    answer = client.post(f"/finance/xero/check/{page.context['wizard'].name}/", form | posted)
    assert answer.status_code == 302, answer.content
    return Job.objects.get(pk=answer.headers["Location"].strip("/").split("/")[-1])


def names(page: Any) -> list[str]:
    """Return what the rows of a list are called, whatever their kind."""
    return [str(row.record) for row in page.context["grid"].rows]


def chips(page: Any) -> dict[str, int]:
    return {chip.label: chip.number for chip in page.context["chips"]}


def row_of(page: Any, name: str) -> Any:
    return next(row.record for row in page.context["grid"].rows if str(row.record) == name)
