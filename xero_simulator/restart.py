"""Start the simulated world over."""

from __future__ import annotations

from django.db import transaction

from xero_simulator import seed
from xero_simulator.broken_wire import ERA
from xero_simulator.controls import CONTROLS
from xero_simulator.limits import LIMITER
from xero_simulator.models import Organisation
from xero_simulator.random_faults import RANDOM_FAULTS
from xero_simulator.router import ALIAS


def start_over(specs: list[seed.Spec]) -> list[Organisation]:
    """Forget books, tokens, faults and counts, and make these organisations anew."""
    with transaction.atomic(using=ALIAS):
        ERA.end()
        seed.empty()
        CONTROLS.reset()
        LIMITER.reset()
        RANDOM_FAULTS.stop()
        seed.register_app()
        return seed.make_organisations(specs)


def standard(first: str = "") -> list[seed.Spec]:
    """Return the usual organisations, that of the region `first` (a version of Xero) before the others."""
    return sorted(seed.STANDARD, key=lambda spec: seed.country_named(spec.country).version != first)
