"""The Xero part of the menu. The paths are a contract: see docs/decisions.md."""

from __future__ import annotations

from django.urls import path

from xero_sync.views import connect, jobs, options, setup, taxes, wizards

app_name = "xero_sync"
urlpatterns = [
    path("finance/xero/", setup.overview, name="overview"),
    path("finance/xero/setup/", setup.connection, name="setup"),
    path("finance/xero/setup/options/", options.options, name="options"),
    path("finance/xero/setup/taxes/", taxes.tax_mapping, name="tax_mapping"),
    path("finance/xero/setup/choose/", connect.choose, name="choose"),
    path("finance/xero/connect/", connect.connect, name="connect"),
    path("finance/xero/callback/", connect.callback, name="callback"),
    path("finance/xero/disconnect/", connect.disconnect, name="disconnect"),
    path("finance/xero/export-invoices/", wizards.export_invoices, name="export_invoices"),
    path("finance/xero/export-invoices/options/", wizards.export_options, name="export_options"),
    path("finance/xero/import-payments/", wizards.import_payments, name="import_payments"),
    path("finance/xero/import-payments/load/", wizards.load_payments, name="load_payments"),
    path("finance/xero/import-payments/progress/", wizards.load_progress, name="load_progress"),
    path("finance/xero/select/<str:kind>/", wizards.select, name="select"),
    path("finance/xero/check/<str:kind>/", wizards.start_check, name="check"),
    path("finance/jobs/", jobs.job_list, name="jobs"),
    path("finance/jobs/<int:number>/", jobs.job, name="job"),
    path("finance/jobs/<int:number>/progress/", jobs.progress, name="progress"),
    path("finance/jobs/<int:number>/send/", jobs.send, name="send"),
    path("finance/jobs/<int:number>/stop/", jobs.stop, name="stop"),
    path("finance/jobs/<int:number>/look-again/", jobs.look_again, name="look_again"),
    path("finance/jobs/<int:number>/retry/", jobs.retry, name="retry"),
    path("finance/jobs/<int:number>/recheck/", jobs.recheck, name="recheck"),
    path("finance/jobs/<int:number>/log/", jobs.log, name="log"),
    path("finance/jobs/<int:number>/log.csv", jobs.log_csv, name="log_csv"),
    path("finance/jobs/<int:number>/rows.csv", jobs.rows_csv, name="rows_csv"),
    path("j/<int:number>", jobs.short_link, name="short_link"),
    path("i/<uuid:uuid>/", jobs.deep_link, name="deep_link"),
]
