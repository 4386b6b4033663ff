"""Django's own admin: for repair by superusers, not for daily work."""

from django.contrib import admin
from django.http import HttpRequest

from finance.models import AccountCode, Invoice, InvoiceLine, Item, Payment, TaxComponent, TaxRate

# Kept up to date by the records themselves; typed in by hand they would be wrong
COMPUTED = ("subtotal", "total_tax", "total", "balance_due")
STAMPS = ("uuid", "created", "updated")


class TaxComponentInline(admin.TabularInline):  # type: ignore[type-arg]
    model = TaxComponent
    extra = 0


class InvoiceLineInline(admin.TabularInline):  # type: ignore[type-arg]
    model = InvoiceLine
    extra = 0
    raw_id_fields = ("item", "tax")


@admin.register(AccountCode)
class AccountCodeAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("code", "name", "type", "active", "updated")
    list_filter = ("active", "type")
    search_fields = ("code", "name")
    readonly_fields = STAMPS


@admin.register(TaxRate)
class TaxRateAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "rate", "active", "updated")
    list_filter = ("active",)
    search_fields = ("name",)
    readonly_fields = STAMPS
    inlines = (TaxComponentInline,)


@admin.register(Item)
class ItemAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "code", "kind", "unit_price", "income_account", "expense_account", "active")
    list_filter = ("kind", "active", "requires_procurement")
    list_select_related = ("income_account", "expense_account")
    search_fields = ("name", "code", "description")
    raw_id_fields = ("income_account", "expense_account", "tax")
    readonly_fields = STAMPS
    show_full_result_count = False


@admin.register(Invoice)
class InvoiceAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("number", "account", "date", "due_date", "status", "currency", "total", "balance_due")
    list_filter = ("status", "currency")
    list_select_related = ("account",)
    search_fields = ("number", "account__name", "po_number")
    date_hierarchy = "date"
    raw_id_fields = ("account", "site")
    readonly_fields = (*COMPUTED, *STAMPS)
    inlines = (InvoiceLineInline,)
    show_full_result_count = False

    def save_related(self, request: HttpRequest, form: object, formsets: object, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        form.instance.recalculate()  # type: ignore[attr-defined]


@admin.register(Payment)
class PaymentAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Read only: a payment is never edited, and a balance follows from it."""

    list_display = ("date", "account", "invoice", "reference", "amount", "kind", "source", "reversed")
    list_filter = ("kind", "source", "reversed")
    list_select_related = ("account", "invoice")
    search_fields = ("account__name", "invoice__number", "reference")
    date_hierarchy = "date"
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Payment | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Payment | None = None) -> bool:
        return False
