from xero_sync.models.app import AppCredentials, HealthCheck
from xero_sync.models.connection import XeroConnection
from xero_sync.models.drafts import Draft
from xero_sync.models.jobs import Job, JobRow, LogLine
from xero_sync.models.links import DeepLink, LinkEvent, XeroLink
from xero_sync.models.operations import Alert, Pulse, Schedule, WebhookEvent
from xero_sync.models.options import SyncOptions, TaxMapping
from xero_sync.models.records import MirrorStamp, XeroRecord
from xero_sync.models.requests import XeroRequest

__all__ = [
    "Alert",
    "AppCredentials",
    "DeepLink",
    "Draft",
    "HealthCheck",
    "Job",
    "JobRow",
    "LinkEvent",
    "LogLine",
    "MirrorStamp",
    "Pulse",
    "Schedule",
    "SyncOptions",
    "TaxMapping",
    "WebhookEvent",
    "XeroConnection",
    "XeroLink",
    "XeroRecord",
    "XeroRequest",
]
