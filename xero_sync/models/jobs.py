"""Jobs, their rows and their transaction log."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.urls import reverse

from xero_sync.models.connection import XeroConnection


class Job(models.Model):
    """One Check, and the Send or Import that follows it. Its number (Job#) is the primary key."""

    class Direction(models.TextChoices):
        EXPORT = "export", "Export"
        IMPORT = "import", "Import"

    class State(models.TextChoices):
        CHECKING = "checking", "Checking"  #: a worker works out what would happen, now or again at `wait_until`
        CHECKED = "checked", "Checked, not sent"  #: somebody may send it
        QUEUED = "queued", "Queued"  #: accepted, waits for a worker
        RUNNING = "running", "Running"  #: a worker holds the organisation's lease and works on it
        WAITING = "waiting", "Waiting"  #: goes on by itself at `wait_until`; `wait_why` says for what
        STOPPING = "stopping", "Stopping"  #: the batch in flight still ends
        COMPLETED = "completed", "Completed"
        COMPLETED_WITH_FAILURES = "completed_with_failures", "Completed with failures"
        STOPPED = "stopped", "Stopped"
        NEEDS_ATTENTION = "needs_attention", "Needs attention"  #: a person has to look
        EXPIRED = "expired", "Expired"  #: checked a week ago and never sent

    class WaitWhy(models.TextChoices):
        LIMIT = "limit", "Xero allows 60 calls a minute"
        DAY = "day", "Xero's daily limit is used up"
        SETTLE = "settle", "Xero may still be working on an unanswered call"
        RECONNECT = "reconnect", "Xero needs somebody to sign in again"
        TROUBLE = "trouble", "Xero isn't answering"

    #: States in which a worker has, or will have, something to do.
    OPEN: ClassVar = (State.QUEUED, State.RUNNING, State.WAITING, State.STOPPING)
    ENDED: ClassVar = (
        State.COMPLETED,
        State.COMPLETED_WITH_FAILURES,
        State.STOPPED,
        State.NEEDS_ATTENTION,
        State.EXPIRED,
    )

    kind = models.CharField(max_length=20)
    direction = models.CharField(max_length=10, choices=Direction)
    connection = models.ForeignKey(XeroConnection, on_delete=models.PROTECT, related_name="jobs")
    tenant_id = models.CharField(max_length=50, help_text="Frozen: a job never works on another organisation.")
    options = models.JSONField(default=dict)
    selection = models.JSONField(default=dict, help_text="The rule the records were chosen by: see selection.py.")
    state = models.CharField(max_length=30, choices=State, default=State.CHECKING)
    wait_until = models.DateTimeField(null=True, blank=True)
    wait_why = models.CharField(max_length=20, choices=WaitWhy, blank=True)
    failed_reads = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="Times that its check got no answer so far."
    )
    deaths = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        help_text="Workers in a row that died over its check, or over its import without getting on.",
    )
    problem = models.TextField(blank=True, help_text="Why the job as a whole could not go on, in plain words.")
    error_id = models.CharField(max_length=20, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_as = models.CharField(max_length=150, blank=True, help_text="Who or what started it, as text.")
    created = models.DateTimeField(auto_now_add=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True, help_text="When Send was pressed.")
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    last_activity = models.DateTimeField(null=True, blank=True)
    served_at = models.DateTimeField(
        null=True, blank=True, help_text="End of its last turn of writing to Xero. Who was served longest ago is next."
    )
    seen_at = models.DateTimeField(
        null=True, blank=True, help_text="When who started it first saw how it ended: see notices.py."
    )
    schedule = models.ForeignKey(
        "xero_sync.Schedule", null=True, blank=True, on_delete=models.SET_NULL, related_name="jobs"
    )
    retry_of = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="retries")
    client_token = models.UUIDField(default=uuid.uuid4, unique=True, help_text="A double click gives the same job.")
    choices = models.JSONField(
        default=dict, help_text="What a person decided at Check, by row: {'contacts:<record key>': choice}."
    )
    looked_up = models.JSONField(
        default=dict,
        null=True,
        encoder=DjangoJSONEncoder,
        help_text="What Check asked Xero about single documents, and the answers: see planning.Planner.",
    )
    counts = models.JSONField(default=dict, help_text="Rows by outcome and state: see jobs.recount.")
    calls = models.PositiveIntegerField(default=0, help_text="HTTP calls to Xero so far.")
    # One worker at a time for Checks and imports; exports go by the organisation's lease
    lease_owner = models.CharField(max_length=100, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["state", "wait_until"]),
            models.Index(fields=["tenant_id", "state"]),
            models.Index(fields=["created_by"], condition=Q(seen_at=None), name="jobs_not_seen"),
        ]

    def __str__(self) -> str:
        return f"Job {self.number}"

    def get_absolute_url(self) -> str:
        return reverse("xero_sync:job", args=[self.number])

    @property
    def number(self) -> int:
        """The Job# that people quote."""
        return self.pk

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN

    @property
    def is_ended(self) -> bool:
        return self.state in self.ENDED


class JobRow(models.Model):
    """One record of a job: what Check said, and what became of it.

    It carries its own words and amounts, so that job pages join nothing and stay true when records change.
    """

    class Outcome(models.TextChoices):
        """What Check expects."""

        CREATE = "create", "Create"
        UPDATE = "update", "Update"
        LINK = "link", "Link"
        ARCHIVE = "archive", "Archive in Xero"
        SKIP = "skip", "Skip"
        DECIDE = "decide", "Needs a decision"
        FAIL = "fail", "Will fail"

    class State(models.TextChoices):
        """Where Send stands."""

        PLANNED = "planned", "Not sent"  #: Check only
        PENDING = "pending", "Queued"
        CLAIMED = "claimed", "Queued"  #: in a request that is written down and not sent
        SENT = "sent", "Sending"
        UNKNOWN = "unknown", "Checking"  #: sent, and no answer: looked up before anything else happens
        SUCCEEDED = "succeeded", "In Xero"
        FAILED = "failed", "Failed"
        SKIPPED = "skipped", "Skipped"
        NEEDS_REVIEW = "needs_review", "Needs review"  #: a person has to look

    #: A record is in the hands of one job at most while its row is in one of these.
    HELD: ClassVar = (State.PENDING, State.CLAIMED, State.SENT, State.UNKNOWN, State.NEEDS_REVIEW)
    #: Work is left.
    OPEN: ClassVar = (State.PENDING, State.CLAIMED, State.SENT, State.UNKNOWN)

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="rows")
    tenant_id = models.CharField(max_length=50)
    kind = models.CharField(max_length=20)
    requested = models.BooleanField(default=True, help_text="Chosen by a person; else needed by such a row.")
    stage = models.PositiveSmallIntegerField(default=0, help_text="Rows of a lower stage go first.")
    record_key = models.CharField(max_length=60, help_text="Our uuid on export, Xero's id on import.")
    label = models.CharField(max_length=300)
    detail = models.CharField(max_length=300, blank=True, help_text="A second line: an invoice's customer, say.")
    amount = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)

    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)
    state = models.CharField(max_length=20, choices=State, default=State.PLANNED)
    reason = models.CharField(max_length=40, blank=True, help_text="A code of reasons.py: groups rows by cause.")
    message = models.TextField(blank=True, help_text="What a person reads.")
    xero_message = models.TextField(blank=True, help_text="Xero's own words.")
    warning = models.TextField(blank=True)
    fix_url = models.CharField(max_length=300, blank=True, help_text="Where the cause can be mended.")
    diff = models.JSONField(default=list, help_text="Fields that change: [name, before, after].")
    our_total = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    xero_total = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    fingerprint = models.CharField(max_length=64, blank=True, help_text="Of what Check showed.")
    choice = models.CharField(max_length=100, blank=True, help_text='What a person decided: an id, "create" or "skip".')
    candidates = models.JSONField(
        default=list, help_text="What a person may choose from: [id, name, what tells it from the others]."
    )
    suggestion = models.CharField(max_length=100, blank=True, help_text="A free code, where two would be the same.")
    clash_key = models.CharField(
        max_length=300,
        blank=True,
        default="",
        db_default="",
        help_text="What no two rows of a kind may share: they would be one record in Xero.",
    )
    needs = models.JSONField(default=list, help_text="Records that must be in Xero first: [kind, record_key].")

    how = models.CharField(max_length=20, blank=True, help_text="created, updated, archived, linked or adopted")
    xero_id = models.CharField(max_length=50, blank=True)
    xero_number = models.CharField(max_length=255, blank=True)
    record_id = models.BigIntegerField(null=True, blank=True, help_text="Our record's id, for a link to its page.")
    request = models.ForeignKey(
        "xero_sync.XeroRequest", null=True, blank=True, on_delete=models.SET_NULL, related_name="rows"
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    tried_before = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="Attempts in the jobs that this one retries."
    )
    alone = models.BooleanField(default=False, help_text="Sent by itself, since its batch was refused as a whole.")
    deaths = models.PositiveSmallIntegerField(default=0, help_text="Workers that died over it, or over its batch.")
    without_url = models.BooleanField(default=False, help_text="Sent without the link back here: Xero refused it.")
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["stage", "id"]
        indexes: ClassVar = [
            models.Index(fields=["job", "state", "stage", "id"]),
            models.Index(fields=["job", "requested", "outcome"]),
            models.Index(fields=["job", "kind", "record_key"]),
            models.Index(fields=["tenant_id", "kind", "record_key"]),
            models.Index(fields=["kind", "record_id"]),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "kind", "record_key"],
                condition=Q(requested=True, state__in=("pending", "claimed", "sent", "unknown", "needs_review")),
                name="one_open_row_per_record",
            ),
            models.UniqueConstraint(fields=["job", "kind", "record_key"], name="one_row_per_record_and_job"),
        ]

    def __str__(self) -> str:
        return f"{self.label} in Job {self.job_id}"

    @property
    def attempt(self) -> int:
        """Which attempt at sending the record this is; 0 before the first."""
        return self.attempts + self.tried_before if self.attempts else 0


class LogLine(models.Model):
    """One line of a job's transaction log. Only ever added. The time is UTC."""

    class Outcome(models.TextChoices):
        INFO = "info", "Info"
        OK = "ok", "Done"
        WARNING = "warning", "Warning"
        FAILED = "failed", "Failed"

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="log")
    row = models.ForeignKey(JobRow, null=True, blank=True, on_delete=models.CASCADE, related_name="log")
    time = models.DateTimeField()
    step = models.CharField(max_length=20, help_text="check, send, recover, import or job")
    record = models.CharField(max_length=300, blank=True)
    action = models.CharField(max_length=40)
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.INFO)
    message = models.TextField(blank=True)
    request = models.ForeignKey(
        "xero_sync.XeroRequest", null=True, blank=True, on_delete=models.SET_NULL, related_name="log"
    )
    correlation_id = models.CharField(max_length=100, blank=True, help_text="Xero's own id of the call.")

    class Meta:
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [models.Index(fields=["job", "id"]), models.Index(fields=["record"])]

    def __str__(self) -> str:
        return f"{self.time:%H:%M:%S} {self.action} {self.record}"
