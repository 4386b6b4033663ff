"""Texts from outside, as every database can keep them."""

from __future__ import annotations

import logging
import re
from typing import Any

logger = logging.getLogger(__name__)

#: How what no database keeps may stand in JSON: NUL, or half of a character that UTF-16 writes in two.
_SIGNS = (b"\0", b"\\u0000", b"\\ud", b"\\uD", b"\xed")
_HALVES = re.compile("[\ud800-\udfff]")


def storable(text: str) -> str:
    """Return a text without NUL, which PostgreSQL keeps nowhere; half a character becomes �."""
    return _HALVES.sub("\N{REPLACEMENT CHARACTER}", text.replace("\0", ""))


def may_be_odd(body: bytes) -> bool:
    """Say whether JSON could hold what `storable` takes out; most never does, and need not be walked through."""
    return any(sign in body for sign in _SIGNS)


def all_storable(value: Any) -> Any:
    """Return decoded JSON with each of its texts as `storable` makes it, and say so in the log if one changed."""
    found = _walked(value)
    if found != value:
        logger.warning("an answer held characters that no database keeps; they were left out")
    return found


def _walked(value: Any) -> Any:
    match value:
        case str():
            return storable(value)
        case dict():
            return {storable(name): _walked(each) for name, each in value.items()}
        case list():
            return [_walked(each) for each in value]
    return value
