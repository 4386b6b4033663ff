from django.urls import path

from finance.views import invoices, payments

app_name = "finance"
urlpatterns = [
    path("invoices/", invoices.invoices, name="invoices"),
    path("invoices.csv", invoices.invoices_csv, name="invoices_csv"),
    path("invoices/mark/", invoices.mark_invoices, name="mark_invoices"),
    path("invoices/<int:pk>/", invoices.invoice, name="invoice"),
    path("payments/", payments.payments, name="payments"),
    path("payments.csv", payments.payments_csv, name="payments_csv"),
    path("payments/<int:pk>/", payments.payment, name="payment"),
]
