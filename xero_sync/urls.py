"""The Xero part of the menu. The paths are a contract: see docs/decisions.md."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import URLPattern, path, re_path

from xero_sync.views import (
    app,
    as_xero,
    connect,
    finance,
    fixes,
    help_pages,
    hooks,
    job_log,
    jobs,
    links,
    operations,
    options,
    schedules,
    setup,
    taxes,
    welcome,
    wizards,
)
from xero_sync.wizards import WIZARDS

app_name = "xero_sync"


def wizard_paths() -> Iterator[URLPattern]:
    """Yield the addresses of every wizard: its list, and the steps that it has of its own."""
    for wizard in WIZARDS.values():
        named = {"kind": wizard.name}
        yield path(wizard.path, wizards.wizard, named, name=wizard.page)
        if wizard.options_page:
            yield path(f"{wizard.path}options/", wizards.options, named, name=f"{wizard.page}_options")
        if wizard.reads:
            yield path(f"{wizard.path}load/", wizards.load, named, name=f"{wizard.page}_load")
            yield path(f"{wizard.path}progress/", wizards.load_progress, named, name=f"{wizard.page}_progress")


urlpatterns = [
    path("finance/", finance.overview, name="finance"),
    path("finance/xero/", setup.overview, name="overview"),
    path("finance/xero/setup/", setup.connection, name="setup"),
    path("finance/xero/setup/options/", options.options, name="options"),
    path("finance/xero/setup/app/", app.app, name="app"),
    path("finance/xero/setup/health/", app.health_check, name="health"),
    path("finance/xero/simulator/", welcome.simulator, name="simulator"),
    path("welcome/", welcome.welcome, name="welcome"),
    path("finance/xero/setup/taxes/", taxes.tax_mapping, name="tax_mapping"),
    path("finance/xero/setup/schedule/", schedules.schedules, name="schedule"),
    path("finance/xero/setup/choose/", connect.choose, name="choose"),
    path("finance/xero/connect/", connect.connect, name="connect"),
    path("finance/xero/callback/", connect.callback, name="callback"),
    path("finance/xero/disconnect/", connect.disconnect, name="disconnect"),
    path("finance/xero/import/", wizards.choose_import, name="import"),
    path("finance/xero/export/", wizards.choose_export, name="export"),
    *wizard_paths(),
    path("finance/xero/select/<str:kind>/", wizards.select, name="select"),
    path("finance/xero/check/<str:kind>/", wizards.start_check, name="check"),
    path("finance/xero/links/", links.link_list, name="links"),
    path("finance/xero/links.csv", links.links_csv, name="links_csv"),
    path("finance/xero/links/<int:pk>/", links.link, name="link"),
    path("finance/xero/links/<int:pk>/look-up/", links.look_up, name="look_up"),
    path("finance/xero/links/<int:pk>/unlink/", links.unlink, name="unlink"),
    path("finance/xero/links/<int:pk>/follow/", links.follow, name="follow"),
    path("finance/xero/links/not-linked/<str:kind>/", links.unlinked_list, name="unlinked"),
    path("finance/xero/links/not-linked/<str:kind>.csv", links.unlinked_csv, name="unlinked_csv"),
    path("finance/xero/links/to/<str:kind>/<int:pk>/", links.link_to, name="link_to"),
    path("finance/invoices/<int:pk>/reset/", links.reset, name="reset"),
    path("help/data-mapping/", help_pages.data_mapping, name="data_mapping"),
    path("help/errors/", help_pages.errors, name="errors"),
    path("help/glossary/", help_pages.glossary, name="glossary"),
    path("finance/invoices/<int:pk>/xero/", as_xero.invoice, name="as_xero"),
    path("finance/jobs/", jobs.job_list, name="jobs"),
    path("finance/jobs/seen/", jobs.put_away, name="put_away"),
    path("finance/jobs/<int:number>/", jobs.job, name="job"),
    path("finance/jobs/<int:number>/progress/", jobs.progress, name="progress"),
    path("finance/jobs/<int:number>/send/", jobs.send, name="send"),
    path("finance/jobs/<int:number>/stop/", jobs.stop, name="stop"),
    path("finance/jobs/<int:number>/look-again/", jobs.look_again, name="look_again"),
    path("finance/jobs/<int:number>/retry/", jobs.retry, name="retry"),
    path("finance/jobs/<int:number>/recheck/", jobs.recheck, name="recheck"),
    path("finance/jobs/<int:number>/decide/", fixes.decide, name="decide"),
    path("finance/jobs/<int:number>/fix/", fixes.fix, name="fix"),
    path("finance/jobs/<int:number>/leave/", fixes.leave, name="leave"),
    path("finance/jobs/<int:number>/log/", job_log.log, name="log"),
    path("finance/jobs/<int:number>/log.csv", job_log.log_csv, name="log_csv"),
    path("finance/jobs/<int:number>/log/<int:line>/", job_log.call, name="log_call"),
    path("finance/jobs/<int:number>/rows.csv", jobs.rows_csv, name="rows_csv"),
    path("finance/jobs/<int:number>/support.txt", jobs.support_text, name="support_text"),
    path("finance/jobs/<int:number>/support.zip", jobs.support_zip, name="support_zip"),
    path("j/<int:number>", jobs.short_link, name="short_link"),
    path("readyz", operations.readyz, name="readyz"),
    path("metrics", operations.show_metrics, name="metrics"),
    # With a slash and without: Xero takes a redirect for a failure
    re_path(r"^hooks/accounting/?$", hooks.accounting, name="webhook"),
    path("i/<uuid:uuid>/", jobs.deep_link, name="deep_link"),
]
