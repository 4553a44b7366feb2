"""Why an attempt to redeem was refused, as a sentence in the reader's language."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from kaquan.checkout import Redemption
from kaquan.console.page import PageView
from kaquan.engine import Reason, Trace, explain, headline
from kaquan.runtime import format_money


def refusal_in_words(redemption: Redemption, page: PageView) -> str:
    """The reason of highest precedence, from the trace that was kept of the decision.

    Where a trace says nothing (an imported row, a code that nobody knows), what was noted at the
    time is shown as it is.
    """
    reasons = tuple(_reasons(redemption))
    if not reasons:
        return redemption.failure_message or redemption.failure_code or ""

    def money(amount_minor: int) -> str:
        return format_money(amount_minor, currency=page.currency, language=page.language)

    return explain(headline(reasons), page.language.value, money)


def _reasons(redemption: Redemption) -> Iterator[Reason]:
    if redemption.trace is None:
        return
    try:
        trace = msgspec.convert(redemption.trace, Trace)
    except msgspec.ValidationError:
        return
    for candidate in trace.candidates:
        steps = [*candidate.checks, *([candidate.effect] if candidate.effect else [])]
        for step in steps:
            if step.reason is not None and str(step.reason.code) == redemption.failure_code:
                yield step.reason
