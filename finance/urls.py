from django.urls import path

from finance.views import editor, invoices, payments

app_name = "finance"
urlpatterns = [
    path("invoices/", invoices.invoices, name="invoices"),
    path("invoices.csv", invoices.invoices_csv, name="invoices_csv"),
    path("invoices/mark/", invoices.mark_invoices, name="mark_invoices"),
    path("invoices/dont-send/", invoices.dont_send, name="dont_send"),
    path("invoices/send-after-all/", invoices.send_after_all, name="send_after_all"),
    path("invoices/new/", editor.new_invoice, name="new_invoice"),
    path("invoices/pick/<str:kind>/", editor.pick, name="pick"),
    path("invoices/<int:pk>/edit/", editor.edit_invoice, name="edit_invoice"),
    path("invoices/<int:pk>/print/", invoices.print_invoice, name="print_invoice"),
    path("invoices/<int:pk>/void/", editor.void_invoice, name="void_invoice"),
    path("invoices/<int:pk>/delete/", editor.delete_invoice, name="delete_invoice"),
    path("invoices/<int:pk>/", invoices.invoice, name="invoice"),
    path("payments/", payments.payments, name="payments"),
    path("payments.csv", payments.payments_csv, name="payments_csv"),
    path("payments/new/", payments.new_payment, name="new_payment"),
    path("payments/<int:pk>/reverse/", payments.reverse_payment, name="reverse_payment"),
    path("payments/<int:pk>/", payments.payment, name="payment"),
]
