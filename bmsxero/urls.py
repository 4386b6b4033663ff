from django.conf import settings
from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("django-admin/", admin.site.urls),
    *([path("sim/xero/", include("xero_simulator.urls"))] if settings.SIMULATOR else []),
]
