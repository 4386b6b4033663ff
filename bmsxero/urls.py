from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path

from bmsxero import views

urlpatterns = [
    path("", views.home, name="home"),
    path("search/", views.search, name="search"),
    path("help/", views.help_, name="help"),
    path("login/", views.SignIn.as_view(), name="login"),
    path("login/as/<str:name>/", views.sign_in_as, name="sign_in_as"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("healthz", views.healthz, name="healthz"),
    path("crm/", include("crm.urls")),
    path("finance/", include("finance.urls")),
    path("admin/finance/", include("finance.admin_urls")),
    path("", include("xero_sync.urls")),
    path("django-admin/", admin.site.urls),
    *([path("sim/xero/", include("xero_simulator.urls"))] if settings.SIMULATOR else []),
]
handler400 = "bmsxero.views.bad_request"
handler403 = "bmsxero.views.forbidden"
handler404 = "bmsxero.views.not_found"
handler500 = "bmsxero.views.server_error"
