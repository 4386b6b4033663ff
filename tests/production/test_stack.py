"""gunicorn, workers, beat, PostgreSQL and Redis together: started, killed, restarted, cut off, backed up."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest
import urllib3
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User

from finance.models import Invoice
from tests import records
from tests.production.stack import PROXY, ROOT, Stack, database_url, wait_for
from tests.services import needs_a_run_of_its_own
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import jobs
from xero_sync.models import Job, JobRow, WebhookEvent, XeroConnection

pytestmark = [
    pytest.mark.worker,
    pytest.mark.django_db(transaction=True),
    needs_a_run_of_its_own,
    pytest.mark.skipif(not shutil.which("redis-server"), reason="needs redis-server, to stop one of its own"),
]


def invoices(number: int) -> None:
    account = records.account("Bolt Ltd")
    for n in range(number):
        records.invoice(f"INV-{n}", of=account, status=Invoice.Status.READY)


def state_of(job: Job) -> str:
    job.refresh_from_db()
    return job.state


def checked(number: int = 3) -> Job:
    """Return a job that a worker of the stack has checked."""
    invoices(number)
    # The bell of this process rings elsewhere: the sweep has to find the job
    job = jobs.start_check("invoices", "export", {"all": True}, user=None)
    wait_for(lambda: state_of(job) == Job.State.CHECKED, "the check")
    return job


def ready(stack: Stack) -> dict[str, str]:
    found: dict[str, str] = json.loads(stack.get("/readyz").data)
    return found


def all_once(xero: SimulatedXero, number: int) -> bool:
    numbers = [each["number"] for each in xero.invoices()]
    return len(numbers) == len(set(numbers)) == number


def test_the_documented_commands_make_a_product_that_is_ready(stack: Stack, xero: SimulatedXero) -> None:
    stack.run("python", "manage.py", "check", "--deploy")
    stack.run("python", "manage.py", "migrate", "--noinput")
    stack.web()
    assert ready(stack) == {"database": "ok", "broker": "ok", "sweep": "none yet"}
    stack.worker(), stack.worker("two"), stack.beat()
    wait_for(lambda: stack.get("/readyz").status == 200, "readiness")
    job = checked()
    jobs.send(job)
    wait_for(lambda: state_of(job) == Job.State.COMPLETED, "the export")
    assert all_once(xero, 3)
    # Pages as the proxy brings them, and what the outside may not see
    page = stack.get("/login/", **PROXY)
    assert page.status == 200
    assert page.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert stack.get("/login/", Host=PROXY["Host"]).status == 301, "plain http is sent on to https"
    assert stack.get("/login/", Host="evil.example.com").status == 400
    assert stack.get("/metrics", **PROXY).status == 403
    assert b"bms_jobs_ended" in stack.get("/metrics").data
    # Static files bear their hashes and are kept for ever
    style = page.data.decode().split('rel="stylesheet" href="')[1].split('"')[0]
    assert "immutable" in stack.get(style, **PROXY).headers["Cache-Control"]
    # Every line of the web process is JSON, every request has its id
    lines = [json.loads(line) for line in (stack.folder / "1-gunicorn.log").read_text().splitlines()]
    assert all(line["request_id"] for line in lines if not line["logger"].startswith("gunicorn"))
    assert [line["message"] for line in lines if line["level"] == "error"] == []


def test_killed_workers_are_replaced_and_every_invoice_is_in_xero_once(stack: Stack, xero: SimulatedXero) -> None:
    first, second = stack.worker(), stack.worker("two")
    stack.beat()
    job = checked(120)
    xero.fault("timeout_after", method="PUT", endpoint="Invoices", seconds=20)
    jobs.send(job)
    wait_for(lambda: len(xero.invoices()) >= 50, "the first batch")
    for process in (first, second):
        Stack.end(process, signal.SIGKILL)
    stack.worker("three")
    wait_for(lambda: state_of(job) == Job.State.COMPLETED, "the export")
    assert all_once(xero, 120)
    assert job.rows.filter(requested=True, state=JobRow.State.SUCCEEDED).count() == 120


def test_a_deploy_restarts_everything_without_a_failed_request_or_a_lost_row(stack: Stack, xero: SimulatedXero) -> None:
    web, old = stack.web(), stack.worker("old")
    stack.beat()
    job = checked(300)
    failures: list[int] = []
    over = threading.Event()

    def visit() -> None:
        while not over.is_set():
            try:
                status = stack.get("/login/", **PROXY).status
            except urllib3.exceptions.HTTPError:
                status = 0
            if status != 200:
                failures.append(status)

    visitor = threading.Thread(target=visit)
    visitor.start()
    try:
        stack.run("python", "manage.py", "migrate", "--noinput")
        web.send_signal(signal.SIGHUP)
        xero.control("limits", latency_ms=1500)
        jobs.send(job)
        wait_for(xero.invoices, "the first batch")
        stack.worker("new")
        assert Stack.end(old) < 20, "a worker ends its call and goes"
        left = job.rows.filter(requested=True, state=JobRow.State.PENDING).count()
        assert left > 0, "it hands the job on in the middle"
        time.sleep(3)
    finally:
        over.set()
        visitor.join()
    assert failures == []
    wait_for(lambda: state_of(job) == Job.State.COMPLETED, "the export")
    assert all_once(xero, 300)
    assert Stack.end(web) < 10


def test_without_redis_pages_work_and_cron_does_the_work(stack: Stack, xero: SimulatedXero) -> None:
    stack.web()
    redis = stack.running[0]
    Stack.end(redis)
    assert ready(stack)["broker"] == "away"
    assert stack.get("/healthz").status == 200
    assert stack.get("/login/", **PROXY).status == 200
    invoices(3)
    job = jobs.start_check("invoices", "export", {"all": True}, user=None)
    stack.run("python", "manage.py", "xero_sweep")
    assert state_of(job) == Job.State.CHECKED
    jobs.send(job)
    stack.run("python", "manage.py", "xero_sweep")
    assert state_of(job) == Job.State.COMPLETED
    assert all_once(xero, 3)
    assert ready(stack) == {"database": "ok", "broker": "away", "sweep": "ok"}


def test_workers_and_beat_come_back_when_redis_does(stack: Stack, xero: SimulatedXero) -> None:
    worker, beat = stack.worker(), stack.beat()
    job = checked()
    Stack.end(stack.running[0])
    jobs.send(job)
    time.sleep(3)
    assert state_of(job) == Job.State.QUEUED
    stack.redis()

    def completed() -> bool:
        nonlocal worker
        if worker.poll() is not None:
            # Celery's worker ends where Redis goes while it has a message in hand; who supervises it starts it again
            worker = stack.worker("again")
        return state_of(job) == Job.State.COMPLETED

    wait_for(completed, "the export", 90)
    assert all_once(xero, 3)
    assert beat.poll() is None


def test_a_worker_lives_on_when_redis_goes_while_it_has_a_job_in_hand(stack: Stack, xero: SimulatedXero) -> None:
    worker, beat = stack.worker(), stack.beat()
    job = checked()
    xero.fault("slow", method="PUT", endpoint="Invoices", seconds=5)
    jobs.send(job)
    wait_for(lambda: job.requests.filter(kind="invoices", state="sent").exists(), "the call")
    Stack.end(stack.running[0], signal.SIGKILL)
    wait_for(lambda: state_of(job) == Job.State.COMPLETED, "the export, without Redis")
    stack.redis()
    late = records.invoice("LATER", of=records.account("Nut Ltd"), status=Invoice.Status.READY)
    later = jobs.start_check("invoices", "export", {"ids": [str(late.uuid)]}, user=None)
    wait_for(lambda: state_of(later) == Job.State.CHECKED, "the check after that", 90)
    assert (worker.poll(), beat.poll()) == (None, None)
    assert all_once(xero, 3)


def test_without_beat_whoever_looks_at_the_job_sets_it_going(stack: Stack, xero: SimulatedXero, admin: User) -> None:
    # Tests hash passwords in a way that production does not know
    User.objects.filter(pk=admin.pk).update(password=PBKDF2PasswordHasher().encode("long-and-odd", "salt"))
    stack.web()
    stack.worker()
    invoices(3)
    job = jobs.start_check("invoices", "export", {"all": True}, user=None)
    time.sleep(3)
    assert state_of(job) == Job.State.CHECKING, "no bell rang, and nothing sweeps"
    me = stack.sign_in("admin", "long-and-odd")
    assert stack.get(f"/finance/jobs/{job.number}/", **me).status == 200
    wait_for(lambda: state_of(job) == Job.State.CHECKED, "the check")


def test_webhooks_arrive_through_the_proxy(stack: Stack, connection: XeroConnection) -> None:
    stack.web()
    body = json.dumps({"events": [{"tenantId": connection.tenant_id, "eventCategory": "INVOICE"}]}).encode()
    digest = hmac.new(b"webhook-key-of-the-app", body, hashlib.sha256).digest()
    signature = base64.b64encode(digest).decode()
    for path in ("/hooks/accounting", "/hooks/accounting/"):
        for headers in (PROXY, {"Host": PROXY["Host"]}):
            right = stack.post(path, body, **headers, **{"x-xero-signature": signature})
            wrong = stack.post(path, body + b" ", **headers, **{"x-xero-signature": signature})
            assert (right.status, right.data, wrong.status) == (200, b"", 401)
            assert "Set-Cookie" not in right.headers
    assert WebhookEvent.objects.count() == 1


def raw(stack: Stack, *pieces: bytes) -> int:
    """Send bytes as they are, as far as they are taken. Return the status that comes back; 0 for none."""
    with socket.create_connection(("127.0.0.1", stack.port), timeout=20) as line:
        try:
            for piece in pieces:
                line.sendall(piece)
        except OSError:
            return 0  # hung up on, and what it said is lost
        try:
            answer = line.recv(4096)
        except OSError:
            return 0
        return int(answer.split(b" ")[1]) if answer else 0


def peak_of_children(process: int) -> int:
    """Return the most memory that one of its children has had at once, in KiB."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    told = [Path(f"/proc/{child}/status").read_text() for child in children]
    return max(int(each.split("VmHWM:")[1].split()[0]) for each in told)


def head(*lines: str) -> bytes:
    common = ("POST /hooks/accounting/ HTTP/1.1", f"Host: {PROXY['Host']}", "x-xero-signature: wrong")
    return "\r\n".join((*common, *lines, "", "")).encode()


def test_webhooks_of_others_cost_nothing_and_leave_nothing(stack: Stack, connection: XeroConnection) -> None:
    web = stack.web()
    million = b"x" * 1_000_000
    assert raw(stack, head("Content-Length: 2000000000")) == 413, "refused before any of it comes"
    assert raw(stack, head("Content-Length: 200000000"), *[million] * 200) in {0, 413}
    assert raw(stack, head("Content-Length: -5"), b"{}") == 400
    assert raw(stack, head("Content-Length: 2", "Content-Length: 40"), b"{}") == 400
    assert raw(stack, head("Content-Length: 2", "Transfer-Encoding: chunked"), b"0\r\n\r\n") == 400, "smuggling"
    endless = [b"f4240\r\n" + million + b"\r\n"] * 200
    assert raw(stack, head("Transfer-Encoding: chunked"), *endless) in {0, 401}
    for body in (b'{"events":' + b"[" * 100_000, b'{"events":[1,null,{"tenantId":{}}]}'):
        digest = hmac.new(b"webhook-key-of-the-app", body, hashlib.sha256).digest()
        signature = base64.b64encode(digest).decode()
        assert stack.post("/hooks/accounting/", body, **PROXY, **{"x-xero-signature": signature}).status == 200
    assert WebhookEvent.objects.count() == 0
    assert stack.get("/healthz").status == 200
    assert 0 < peak_of_children(web.pid) < 250_000, "none of it was kept in memory"


def test_a_restored_backup_finishes_what_was_under_way_and_sends_nothing_twice(
    stack: Stack, xero: SimulatedXero
) -> None:
    worker, beat = stack.worker(), stack.beat()
    job = checked(120)
    xero.fault("timeout_after", method="PUT", endpoint="Invoices", seconds=20)
    jobs.send(job)
    wait_for(lambda: len(xero.invoices()) >= 50, "the first batch")
    Stack.end(worker, signal.SIGKILL)
    Stack.end(beat, signal.SIGKILL)
    dump, restored = stack.folder / "bms.dump", f"{database_url().rpartition('/')[2]}_restored"
    server = database_url("postgres")
    subprocess.run(["pg_dump", "-Fc", "-f", dump, database_url()], check=True, cwd=ROOT)
    subprocess.run(["psql", "-q", server, "-c", f'DROP DATABASE IF EXISTS "{restored}"'], check=True)
    subprocess.run(["psql", "-q", server, "-c", f'CREATE DATABASE "{restored}"'], check=True)
    try:
        subprocess.run(["pg_restore", "--no-owner", "-d", database_url(restored), dump], check=True)
        stack.environment["DATABASE_URL"] = database_url(restored)
        Stack.end(stack.running[0])  # what Redis knew is not in a backup, and not needed
        wait_for(lambda: _swept(stack, restored, job), "the export")
        assert all_once(xero, 120)
    finally:
        subprocess.run(["psql", "-q", server, "-c", f'DROP DATABASE "{restored}" WITH (FORCE)'], check=True)


def _swept(stack: Stack, name: str, job: Job) -> bool:
    stack.run("python", "manage.py", "xero_sweep")
    query = f"SELECT state FROM xero_sync_job WHERE id = {job.pk}"
    told = subprocess.run(["psql", "-tA", database_url(name), "-c", query], check=True, capture_output=True, text=True)
    return told.stdout.strip() == Job.State.COMPLETED
