"""Which redeemables may go together in one request."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from kaquan.engine.candidate import Candidate
from kaquan.engine.reasons import Reason, ReasonCode


class Application(StrEnum):
    """ALL: everything that was sent or nothing. PARTIAL: what can be applied, is."""

    ALL = "all"
    PARTIAL = "partial"


class StackingRules(msgspec.Struct, frozen=True, kw_only=True):
    """A project's rules for several redeemables in one request."""

    max_sent: int = 30
    max_applied: int = 5
    application: Application = Application.ALL


def check_request(candidates: Sequence[Candidate], rules: StackingRules) -> tuple[Reason, ...]:
    """Reasons that refuse the request as a whole, before any candidate is looked at."""
    reasons: list[Reason] = []
    if len(candidates) > rules.max_sent:
        params = {"sent": len(candidates), "limit": rules.max_sent}
        reasons.append(Reason(ReasonCode.TOO_MANY_SENT, params))
    seen: set[str] = set()
    repeated: dict[str, None] = {}
    for candidate in candidates:
        if candidate.key in seen:
            repeated[candidate.key] = None
        seen.add(candidate.key)
    reasons += (Reason(ReasonCode.DUPLICATE_CANDIDATE, {"key": key}) for key in repeated)
    return tuple(reasons)
