"""Taxes and tax groups."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.urls import reverse

from bmsxero.history import Tracked
from bmsxero.templatetags.bms import decimals
from crm.models import Record
from finance import money


class TaxRateAsItWas(models.Model):
    """What the history of a tax keeps besides its own fields: its parts, each as name and words; None: not known."""

    parts_then = models.JSONField(null=True)

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.complete([self])
        super().save(*args, **kwargs)

    @staticmethod
    def complete(rows: Sequence[Any]) -> None:
        """Give the rows the parts that their taxes have now."""
        parts: dict[int, list[list[str]]] = {row.id: [] for row in rows}
        for part in TaxComponent.objects.filter(tax_rate__in=parts):
            parts[part.tax_rate_id].append([part.name, part.words])
        for row in rows:
            row.parts_then = parts[row.id]

    def differences(self, before: TaxRateAsItWas) -> list[str]:
        """Say how the parts changed since `before`, each change a sentence."""
        if before.parts_then is None or self.parts_then is None:
            return []
        old, new = dict(before.parts_then), dict(self.parts_then)
        return [
            *(f"Part {name}: {old[name]} → {new[name]}" for name in new if name in old and old[name] != new[name]),
            *(f"Part {name} added: {new[name]}" for name in new if name not in old),
            *(f"Part {name} removed: {old[name]}" for name in old if name not in new),
        ]


class TaxRate(Record):
    """A tax. A group has components, and its rate is theirs together.

    `rate` is in per cent with four decimals. For a group it is set by `set_components`, so that lists and
    totals never need to read the parts.
    """

    name = models.CharField(max_length=50, unique=True)
    rate = models.DecimalField(max_digits=8, decimal_places=4)
    active = models.BooleanField(default=True)
    note = models.TextField(max_length=4000, blank=True, help_text="What an import could not keep as it was.")
    history = Tracked(bases=(TaxRateAsItWas,))

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(name=""), name="tax_rate_has_a_name"),
            models.CheckConstraint(condition=Q(rate__gte=0) & Q(rate__lte=100), name="tax_rate_between_0_and_100"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("finance_admin:tax", args=[self.pk])

    def set_components(self, parts: list[tuple[str, Decimal, bool]]) -> None:
        """Replace the parts of a group, given as (name, rate in per cent, compound), and its rate with them."""
        self.components.all().delete()
        TaxComponent.objects.bulk_create(
            TaxComponent(tax_rate=self, name=name, rate=rate, compound=compound, position=position)
            for position, (name, rate, compound) in enumerate(parts)
        )
        self.rate = money.effective_rate(money.Component(rate, compound) for _, rate, compound in parts)
        self.save(update_fields=["rate", "updated"])


class TaxComponent(models.Model):
    """One part of a tax group, its rate in per cent."""

    tax_rate = models.ForeignKey(TaxRate, on_delete=models.CASCADE, related_name="components")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=50)
    rate = models.DecimalField(max_digits=8, decimal_places=4)
    compound = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tax_rate", "position"], name="one_tax_component_per_position"),
            # Xero allows one compound part at most
            models.UniqueConstraint(
                fields=["tax_rate"], condition=Q(compound=True), name="one_compound_component_per_group"
            ),
            models.CheckConstraint(condition=Q(rate__gte=0) & Q(rate__lte=100), name="tax_component_between_0_and_100"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.rate} %"

    @property
    def words(self) -> str:
        """Rate and kind, as a person reads them."""
        return f"{decimals(self.rate)} %{', compound' if self.compound else ''}"
