from django.urls import path

from crm import views

app_name = "crm"
urlpatterns = [
    path("accounts/", views.accounts, name="accounts"),
    path("accounts.csv", views.accounts_csv, name="accounts_csv"),
    path("accounts/new/", views.new_account, name="new_account"),
    path("accounts/<int:pk>/", views.account, name="account"),
    path("accounts/<int:pk>/edit/", views.edit_account, name="edit_account"),
]
