"""Setup > Schedule: admins set what runs by itself, everybody may read it."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from bmsxero.roles import EVERYONE, allow, who
from xero_sync import job_words, pulse, standing
from xero_sync.models import Schedule, XeroConnection
from xero_sync.schedule_forms import ScheduleForm
from xero_sync.views.people import only_admins

logger = logging.getLogger(__name__)


@allow(*EVERYONE)
@require_http_methods(["GET", "POST"])
def schedules(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        only_admins(request)
    now = standing.of(request)
    if now.connection is None:
        return render(request, "xero_sync/setup/nothing_read.html", {"tab": "schedule", "standing": now})
    forms = [_form(request, now.connection, task) for task in Schedule.Task]
    if request.method == "POST" and all(form.is_valid() for form in forms):
        return _save(request, forms)
    context = {
        "tab": "schedule",
        "standing": now,
        "forms": forms,
        "runs": [_last_run(form.instance) for form in forms],
        "webhook": _webhook(),
        "sweep_is_late": pulse.is_late(pulse.last(pulse.SWEEP)),
        "admins": [] if who(request.user).administers else standing.admins(),
    }
    return render(request, "xero_sync/setup/schedule.html", context)


def _form(request: HttpRequest, connection: XeroConnection, task: str) -> ScheduleForm:
    saved = Schedule.objects.filter(connection=connection, task=task).first()
    shown = saved or Schedule(connection=connection, task=task)
    initial = {} if saved else {"runs_as": request.user.pk}
    return ScheduleForm(
        request.POST or None, instance=shown, prefix=task, initial=initial, time_zone=settings.TIME_ZONE
    )


def _last_run(schedule: Schedule) -> dict[str, Any]:
    job = schedule.jobs.first() if schedule.pk else None
    return {"schedule": schedule, "job": job, "badge": job_words.job_badge(job) if job else None}


def _webhook() -> dict[str, Any]:
    return {
        "is_on": bool(settings.XERO_WEBHOOK_KEY),
        "last_at": pulse.last(pulse.WEBHOOK),
        "url": f"{settings.SITE_URL}/hooks/accounting/",
    }


def _save(request: HttpRequest, forms: list[ScheduleForm]) -> HttpResponse:
    changed = [form for form in forms if form.has_changed()]
    with transaction.atomic():
        for form in changed:
            saved = form.save_by(request.user)  # type: ignore[arg-type]
            logger.info("%s changed %s: %s", request.user.get_username(), saved, ", ".join(form.changed_data))
    if changed:
        messages.success(request, "The schedule is saved.")
    else:
        messages.info(request, "Nothing was changed.")
    return redirect("xero_sync:schedule")
