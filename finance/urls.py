from django.urls import path

from finance import views

app_name = "finance"
urlpatterns = [
    path("invoices/", views.invoices, name="invoices"),
    path("invoices.csv", views.invoices_csv, name="invoices_csv"),
    path("invoices/mark/", views.mark_invoices, name="mark_invoices"),
    path("invoices/<int:pk>/", views.invoice, name="invoice"),
    path("payments/", views.payments, name="payments"),
    path("payments.csv", views.payments_csv, name="payments_csv"),
    path("payments/<int:pk>/", views.payment, name="payment"),
]
