from django.urls import URLPattern

app_name = "xero_simulator"
urlpatterns: list[URLPattern] = []
