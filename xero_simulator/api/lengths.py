from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def too_long(element: Mapping[str, Any], limits: Mapping[str, int]) -> list[str]:
    """Return a complaint for every text that is longer than Xero stores."""
    return [
        f"The field {name} must be a string with a maximum length of {limit}."
        for name, limit in limits.items()
        if isinstance(element.get(name), str) and len(element[name]) > limit
    ]
