"""Django's own admin: for repair by superusers, not for daily work."""

from django.contrib import admin

from crm.models import Account, Site


class SiteInline(admin.StackedInline):  # type: ignore[type-arg]
    model = Site
    extra = 0


@admin.register(Account)
class AccountAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "code", "active", "default_currency", "taxable", "sales_tax", "updated")
    list_filter = ("active", "taxable")
    list_select_related = ("sales_tax",)
    search_fields = ("name", "code", "tax_number")
    raw_id_fields = ("sales_tax",)
    readonly_fields = ("uuid", "created", "updated")
    inlines = (SiteInline,)
    show_full_result_count = False


@admin.register(Site)
class SiteAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "account", "is_main", "billing_city", "billing_email", "phone")
    list_filter = ("is_main",)
    list_select_related = ("account",)
    search_fields = ("name", "account__name", "billing_email")
    raw_id_fields = ("account",)
    readonly_fields = ("uuid", "created", "updated")
    show_full_result_count = False
