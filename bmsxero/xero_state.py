"""How lists show what their records are in Xero: columns and a filter over `annotate_state`."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet

from bmsxero.listing import Badge, Column, Filter

NOT_SENT = "Not sent"
#: What pages call the states that `annotate_state` knows. Anything else is as good as not sent.
BADGES = {
    "in_xero": Badge("In Xero", "success"),
    "pending": Badge("Queued", "progress"),
    "claimed": Badge("Queued", "progress"),
    "sent": Badge("Sending", "progress"),
    "unknown": Badge("Checking", "warning"),
    "dont_send": Badge("Don't send"),
    "failed": Badge("Failed", "danger"),
    "needs_review": Badge("Needs review", "warning"),
}
MEANINGS = (
    (NOT_SENT, "It is not in the organisation that is connected now."),
    ("Queued", "A job has it and will send it."),
    ("Sending", "It is on its way; no answer yet."),
    ("Checking", "Xero gave no clear answer. It is looked up before anything else happens, so it can't be sent twice."),
    ("In Xero", "It is there, and linked."),
    ("Failed", "Xero or our check refused it. The job's page says why, and has the fix."),
    ("Don't send", "Somebody marked it so that it stays here; the record says why."),
    ("Needs review", "It could not be told what Xero holds. A person has to look."),
)
IN_HAND = ("pending", "claimed", "sent", "unknown")
TROUBLE = ("failed", "needs_review")


def xero_state(record: Any) -> Badge | str:
    """Return the state of a record that `annotate_state` has been over."""
    return BADGES.get(record.xero_state, NOT_SENT)


COLUMNS = (
    Column("xero_state", "Xero", value=xero_state, cell="xero"),
    Column("xero_number", "Xero no.", screen=False),
    Column("xero_job", "Job#", screen=False),
)


class XeroFilter(Filter):
    """A filter for records that `annotate_state` has been over. Put `xero` where it belongs with `field_order`."""

    xero = forms.ChoiceField(
        label="Xero",
        required=False,
        choices=[
            ("", "All"),
            ("in_xero", "In Xero"),
            ("not_sent", NOT_SENT),
            ("dont_send", "Don't send"),
            ("in_hand", "In a job now"),
            ("trouble", "Failed or in doubt"),
        ],
    )

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        match self.cleaned_data["xero"]:
            case "in_xero":
                return rows.filter(xero_linked=True)
            case "dont_send":
                return not_in_xero(rows).filter(xero_otherwise="dont_send")
            case "in_hand":
                return not_in_xero(rows).filter(xero_otherwise__in=IN_HAND)
            case "trouble":
                return not_in_xero(rows).filter(xero_otherwise__in=TROUBLE)
            case "not_sent":
                return not_in_xero(rows).exclude(xero_otherwise__in=BADGES)
        return rows


def not_in_xero(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return those of the records that `annotate_state` has been over that are not in the current organisation."""
    return rows.filter(xero_linked=False)
