"""Everything that can go wrong on Xero's side, with words for people: control, console and tests read it here.

Documented: the status codes and bodies, that answers are kept under their Idempotency-Key, the headers of 429. Our
assumption: in what way real connections break, and that any of it may strike at any time.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Stage(Enum):
    GATE = "before the call is looked at; never kept under an Idempotency-Key"
    INSTEAD = "in place of the work; kept under the key like any other first answer"
    AFTER = "the work is done, or half of it; then the answer is spoilt"


@dataclass(frozen=True)
class Kind:
    name: str
    stage: Stage
    words: str
    reads: bool = True  # makes sense for a GET
    writes: bool = True
    mends_itself: bool = True  # else a person must connect again, or wait a day: not for the random mode


KINDS = [
    Kind("error_500_before", Stage.INSTEAD, "Error 500, nothing was done (kept under the key)"),
    Kind("error_500_after", Stage.AFTER, "Error 500 although everything was saved (kept under the key)"),
    Kind("error_500_half", Stage.AFTER, "Error 500 after half of the batch was saved", reads=False),
    Kind("error_500_gate", Stage.GATE, "Error 500 at the door, nothing was done (not kept under the key)"),
    Kind("gateway_502", Stage.GATE, "Bad gateway, an HTML page; nothing was done"),
    Kind("gateway_504_after", Stage.AFTER, "Gateway time-out, an HTML page, although everything was saved"),
    Kind("unavailable", Stage.GATE, "Maintenance: 503, not available"),
    Kind("timeout_after", Stage.AFTER, "Everything saved, but the answer never comes"),
    Kind("late_commit", Stage.AFTER, "The answer never comes, and the work is done some seconds later", reads=False),
    Kind("reset_after", Stage.AFTER, "Everything saved, then the connection is reset"),
    Kind("reset_mid_answer", Stage.AFTER, "Everything saved, the connection is reset in the middle of the answer"),
    Kind("malformed_json", Stage.AFTER, "Everything saved, the answer is JSON cut in half"),
    Kind("html_body", Stage.AFTER, "Everything saved, the answer is 200 with an HTML page"),
    Kind("empty_body", Stage.AFTER, "Everything saved, the answer is 200 and empty"),
    Kind("missing_element", Stage.AFTER, "Everything saved, one element is missing in the answer", reads=False),
    Kind("reordered", Stage.AFTER, "Everything saved, the elements of the answer in another order"),
    Kind("slow", Stage.AFTER, "A slow answer"),
    Kind("gzip_unasked", Stage.AFTER, "A compressed answer that nobody asked for"),
    Kind("validation_400_whole", Stage.INSTEAD, "The whole batch refused with 400", reads=False),
    Kind("rate_limit_minute", Stage.GATE, "429: the limit of the minute"),
    Kind("rate_limit_day", Stage.GATE, "429: the limit of the day", mends_itself=False),
    Kind("rate_limit_concurrent", Stage.GATE, "429: too many calls at once"),
    Kind("unauthorized", Stage.GATE, "401: the access token has expired"),
    Kind("token_revoked", Stage.GATE, "401 for good: the user has revoked all tokens", mends_itself=False),
    Kind("disconnected", Stage.GATE, "403: a user has disconnected the app from the organisation", mends_itself=False),
    Kind(
        "no_refresh_token", Stage.AFTER, "Token renewal: an answer without a refresh token", reads=False, writes=False
    ),
    Kind("invalid_grant", Stage.GATE, "Token renewal: refused (invalid_grant)", reads=False, writes=False),
]
BY_NAME = {kind.name: kind for kind in KINDS}
# The random mode leaves the connection alive: a renewal that was lost can be asked for again.
OF_THE_TOKEN = ["error_500_before", "error_500_after", "timeout_after", "reset_after", "html_body", "slow"]
_OF_THE_TOKEN_ALONE = {"no_refresh_token", "invalid_grant"}
_TOKEN = {
    *OF_THE_TOKEN,
    *_OF_THE_TOKEN_ALONE,
    "error_500_gate",
    "gateway_502",
    "gateway_504_after",
    "unavailable",
    "reset_mid_answer",
    "malformed_json",
    "empty_body",
    "gzip_unasked",
}
# These two are no part of the accounting API: a fault strikes there only if it names them.
APART = ("token", "connections")


def can_strike(name: str, endpoint: str) -> bool:
    """Say whether the fault means anything at this endpoint; blank is the accounting API."""
    kind = BY_NAME[name]
    if endpoint == "token":
        return name in _TOKEN
    if endpoint == "connections":
        return kind.reads and name not in ("reordered", "rate_limit_day", "rate_limit_minute", "rate_limit_concurrent")
    return name not in _OF_THE_TOKEN_ALONE


def may_strike(method: str, endpoint: str) -> list[str]:
    """Return the faults that the random mode may choose for such a call."""
    if endpoint == "token":
        return OF_THE_TOKEN
    fits = [kind for kind in KINDS if kind.mends_itself and (kind.reads if method == "GET" else kind.writes)]
    return [kind.name for kind in fits if can_strike(kind.name, endpoint)]
