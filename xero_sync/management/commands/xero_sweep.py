"""One sweep: take up what is due, start schedules, keep tokens alive, send mail. For cron, where no beat runs."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from xero_sync import alerts, clock, engine, jobs


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        numbers = engine.sweep()
        if engine.embedded() or not engine.broker_answers():
            # Nobody hears this process's bell, so it does the work itself
            for job in jobs.due(clock.now()):
                engine.run(job.pk)
            # A schedule's check that has just ended may be sent
            for job in jobs.due(clock.now()):
                engine.run(job.pk)
        alerts.watch()
        self.stdout.write(f"{len(numbers)} jobs were due.")
