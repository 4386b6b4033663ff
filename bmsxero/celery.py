"""The Celery application: `celery -A bmsxero worker -P threads`, `celery -A bmsxero beat`."""

import os

from celery import Celery

import bmsxero.localbroker  # registers the in-process transport

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bmsxero.settings")
app = Celery("bmsxero")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["xero_sync"])
__all__ = ["app", "bmsxero"]
