"""Paying from a gift card (礼品卡)."""

from typing import ClassVar

from kaquan.engine.effects.credits import read_credits
from kaquan.engine.effects.effect import EFFECTS, Effect, Outcome
from kaquan.engine.effects.spread import find_carriers
from kaquan.engine.facts import Facts
from kaquan.engine.lanes import Lane
from kaquan.engine.reasons import Reason, ReasonCode
from kaquan.engine.scope import EVERYTHING, Scope


@EFFECTS.register
class StoredValue(Effect, frozen=True, kw_only=True):
    """Pays with the credits that the request states, or without a statement with all that helps.

    More than the balance is refused, never paid in part. What the order (or its goods in scope)
    does not need stays on the card.
    """

    code: ClassVar[str] = "stored_value"

    scope: Scope = EVERYTHING

    @property
    def lane(self) -> Lane:
        """A means of payment."""
        return Lane.PAYMENT

    def apply(self, facts: Facts) -> Outcome | Reason:
        carriers = find_carriers(self.scope, facts.cart)
        if carriers == ():
            return Reason(ReasonCode.NO_MATCHING_ITEMS)
        asked = read_credits(facts)
        if isinstance(asked, Reason):
            return asked
        balance, wanted = asked.balance, asked.wanted
        if wanted > balance:
            params = {
                "wanted_minor": wanted,
                "balance_minor": balance,
                "missing_minor": wanted - balance,
            }
            return Reason(ReasonCode.GIFT_AMOUNT_EXCEEDED, params)
        paid = min(wanted, facts.spend(self.scope, "remaining"))
        return Outcome(
            order_minor=paid,
            carriers=carriers,
            balance_taken=paid,
            inputs={"balance_minor": balance, "wanted_minor": wanted},
        )
