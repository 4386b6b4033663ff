"""The Celery application: `celery -A bmsxero worker -P threads`, `celery -A bmsxero beat`."""

import os
from typing import Any

from celery import Celery
from celery.signals import before_task_publish, celeryd_init, task_postrun, task_prerun, worker_shutting_down

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


@worker_shutting_down.connect
def _hand_on(**_: Any) -> None:
    from xero_sync import lease

    lease.leaving.set()


#: The request that a task came from, by the task's id, while it runs.
_running: dict[str, Any] = {}


@before_task_publish.connect
def _name_the_request(headers: dict[str, Any] | None = None, **_: Any) -> None:
    from bmsxero.logs import request_id

    if headers is not None and (identity := request_id()):
        headers["request_id"] = identity


@task_prerun.connect
def _take_the_request(task_id: str, task: Any, **_: Any) -> None:
    from bmsxero.logs import about_request

    block = about_request(str(task.request.get("request_id") or task_id))
    block.__enter__()
    _running[task_id] = block


@task_postrun.connect
def _leave_the_request(task_id: str, **_: Any) -> None:
    if block := _running.pop(task_id, None):
        block.__exit__(None, None, None)


__all__ = ["app", "bmsxero"]
