"""Setup > Schedule as forms, one for each task."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from bmsxero.roles import WRITERS
from xero_sync import clock, schedule
from xero_sync.models import Schedule, SyncOptions

Task, Unit = Schedule.Task, Schedule.Unit

#: The least and the most of each unit. Payments need two calls a run, and a day may have no more than a thousand.
LIMITS = {Unit.MINUTES: (5, 1440), Unit.HOURS: (1, 168)}
HOW_OFTEN = [(Unit.MINUTES, "Every … minutes"), (Unit.HOURS, "Every … hours"), (Unit.DAILY, "Once a day")]
PURPOSE = {
    Task.IMPORT_PAYMENTS: "Payments, credits, deletions and voided invoices come from Xero by themselves.",
    Task.EXPORT_INVOICES: "Every invoice that is Ready to Send or Sent, and not in Xero yet, goes there without a "
    "further look: with the options saved in Setup, customers, items and taxes that Xero lacks included. What needs a "
    "decision is left to people.",
}


def people() -> QuerySet[User]:
    """Return who may run jobs."""
    return (
        User.objects.filter(Q(groups__name__in=WRITERS) | Q(is_superuser=True), is_active=True)
        .distinct()
        .order_by("username")
    )


class _Person(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Any) -> str:
        return str(obj.get_full_name() or obj.get_username())


class ScheduleForm(forms.ModelForm):  # type: ignore[type-arg]
    """Whether and how often one task runs, and as whom."""

    is_on = forms.BooleanField(label="Run by itself", required=False)
    every = forms.IntegerField(
        label="Number",
        required=False,
        help_text="Of minutes or hours.",
        min_value=1,
        error_messages={"invalid": "Write a whole number, such as 15."},
    )
    unit = forms.ChoiceField(label="How often", choices=HOW_OFTEN)
    at = forms.TimeField(
        label="Time of day",
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        error_messages={"invalid": "Write the time as 07:30."},
    )
    runs_as = _Person(label="Runs as", queryset=User.objects.none(), required=False, empty_label="Choose a person")

    class Meta:
        model = Schedule
        fields: ClassVar = ("is_on", "every", "unit", "at", "runs_as")

    def __init__(self, *args: Any, time_zone: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["runs_as"].queryset = people()  # type: ignore[attr-defined]
        self.fields["at"].help_text = f"For once a day, in the time zone {time_zone}."
        self.fields["runs_as"].help_text = "Jobs bear this name. If this person may not run jobs any more, none starts."

    @property
    def task(self) -> Schedule.Task:
        return Schedule.Task(self.instance.task)

    @property
    def purpose(self) -> str:
        return PURPOSE[self.task]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        unit, every = data.get("unit"), data.get("every")
        if unit == Unit.DAILY:
            data["every"] = 1
            if not data.get("at") and "at" not in self.errors:
                self.add_error("at", "Say at what time of day.")
        elif unit and "every" not in self.errors:
            least, most = LIMITS[Unit(unit)]
            if every is None or not least <= every <= most:
                self.add_error("every", f"Between {least} and {most} {unit}.")
        if data.get("is_on"):
            self._check_that_it_can_run(data)
        return data

    def _check_that_it_can_run(self, data: dict[str, Any]) -> None:
        if not data.get("runs_as") and "runs_as" not in self.errors:
            self.add_error("runs_as", "Choose whose name its jobs bear.")
        looked_at = SyncOptions.objects.filter(connection=self.instance.connection, suggested=False)
        if self.task == Task.EXPORT_INVOICES and not looked_at.exists():
            self.add_error("is_on", "Save the options first: so far they are only our suggestions.")

    def save_by(self, user: User) -> Schedule:
        """Save what was chosen and work out when it runs next."""
        saved: Schedule = self.save(commit=False)
        saved.updated_by = user
        saved.next_at = schedule.next_run(saved, clock.now()) if saved.is_on else None
        saved.note, saved.note_at = "", None
        saved.save()
        return saved
