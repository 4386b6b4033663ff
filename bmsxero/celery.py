"""The Celery application: `celery -A bmsxero worker -P threads`, `celery -A bmsxero beat`."""

import os
from typing import Any

from celery import Celery
from celery.signals import celeryd_init

import bmsxero.localbroker  # registers the in-process transport

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bmsxero.settings")
app = Celery("bmsxero")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["xero_sync"])

#: What keeps a page from hanging on a silent Redis would make a worker, which waits for messages, give up on it.
HASTE = ("socket_timeout", "socket_connect_timeout", "max_retries")


@celeryd_init.connect
def _be_patient(conf: Any, **_: Any) -> None:
    options = conf.broker_transport_options or {}
    conf.broker_transport_options = {name: value for name, value in options.items() if name not in HASTE}


__all__ = ["app", "bmsxero"]
