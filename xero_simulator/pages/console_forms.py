from __future__ import annotations

from typing import Any

from django import forms

from xero_simulator.api.entry import ENDPOINTS
from xero_simulator.books import VERSIONS
from xero_simulator.controls import SETTLE_SECONDS
from xero_simulator.fault_kinds import APART, KINDS

WORLD = {"UK": "United Kingdom", "NZ": "New Zealand", "AU": "Australia", "US": "United States", "GLOBAL": "Elsewhere"}
REGIONS = [(version, f"{WORLD[version]} ({country.currency})") for version, country in VERSIONS.items()]
ANY = [("", "any")]
PLACES = (*ENDPOINTS, *APART)


class NoForm(forms.Form):
    """A button alone."""


class RecordForm(forms.Form):
    record = forms.UUIDField()


class Seconds(forms.IntegerField):
    def __init__(self, **rest: Any) -> None:
        super().__init__(min_value=0, max_value=600, **rest)


class FaultForm(forms.Form):
    what = forms.ChoiceField(label="What goes wrong", choices=[(kind.name, kind.words) for kind in KINDS])
    endpoint = forms.ChoiceField(
        label="Where", required=False, choices=[("", "anywhere in the API"), *((name, name) for name in PLACES)]
    )
    method = forms.ChoiceField(
        label="Kind of call", required=False,
        choices=[*ANY, ("GET", "read (GET)"), ("PUT", "create (PUT)"), ("POST", "change (POST)")],
    )  # fmt: skip
    nth = forms.IntegerField(label="From which call on", min_value=1, initial=1)
    times = forms.IntegerField(label="How many calls", min_value=1, initial=1)
    for_seconds = forms.IntegerField(label="Or for so many seconds", min_value=0, required=False)
    seconds = forms.IntegerField(
        label="Seconds until the connection breaks", min_value=0, max_value=600, required=False
    )
    commit_after = forms.IntegerField(
        label="Seconds until late work is done", min_value=0, max_value=600, required=False
    )
    retry_after = forms.CharField(label="Retry-After of a 429 or 503", max_length=20, required=False)


class RandomForm(forms.Form):
    percent = forms.DecimalField(label="Percent of all calls", min_value=0, max_value=100, decimal_places=2, initial=2)
    seed = forms.IntegerField(label="Seed", initial=1)


class SettingsForm(forms.Form):
    limits = forms.BooleanField(label="Xero's limits hold", required=False)
    strict_rotation = forms.BooleanField(label="A used refresh token is dead at once", required=False)
    gzip = forms.BooleanField(label="Answers are compressed where that is asked for", required=False)
    latency_ms = forms.IntegerField(label="Milliseconds that each call takes", min_value=0, max_value=60_000)
    settle_seconds = forms.IntegerField(
        label=f"Seconds the app waits until doubt is over (Xero's own time asks for {SETTLE_SECONDS})",
        min_value=1, max_value=SETTLE_SECONDS,
    )  # fmt: skip


class RegionForm(forms.Form):
    region = forms.ChoiceField(label="Region", choices=REGIONS)


class NewForm(RegionForm):
    name = forms.CharField(label="Name", max_length=100)
