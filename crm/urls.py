from django.urls import path

from crm import views

app_name = "crm"
urlpatterns = [
    path("accounts/", views.accounts, name="accounts"),
    path("accounts.csv", views.accounts_csv, name="accounts_csv"),
    path("accounts/new/", views.new_account, name="new_account"),
    path("accounts/<int:pk>/", views.account, name="account"),
    path("accounts/<int:pk>/edit/", views.edit_account, name="edit_account"),
    path("accounts/<int:pk>/active/", views.set_active, name="set_active"),
    path("accounts/<int:pk>/sites/new/", views.new_site, name="new_site"),
    path("sites/<int:pk>/edit/", views.edit_site, name="edit_site"),
    path("sites/<int:pk>/main/", views.make_main, name="make_main"),
    path("sites/<int:pk>/delete/", views.delete_site, name="delete_site"),
]
