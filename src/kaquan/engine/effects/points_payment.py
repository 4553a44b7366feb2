"""Paying with points (积分抵现)."""

from typing import ClassVar

from kaquan.engine.effects.credits import read_credits
from kaquan.engine.effects.effect import EFFECTS, Effect, Outcome
from kaquan.engine.effects.selection import Count
from kaquan.engine.effects.spread import find_carriers
from kaquan.engine.facts import Facts
from kaquan.engine.lanes import Lane
from kaquan.engine.money import FULL_RATE_BPS, PositiveMinor, RateBps
from kaquan.engine.reasons import Reason, ReasonCode
from kaquan.engine.scope import EVERYTHING, Scope


@EFFECTS.register
class PointsPayment(Effect, frozen=True, kw_only=True):
    """`points` points pay `worth_minor`; both the money and its share of the order round down.

    Takes the points that the request states, or without a statement all that help, and no more
    than the money paid needs. Points may pay `max_share_bps` of what is left of the goods in
    scope. More than the balance is refused, never paid in part.
    """

    code: ClassVar[str] = "points_payment"

    points: Count
    worth_minor: PositiveMinor
    max_share_bps: RateBps = FULL_RATE_BPS
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
            params = {"wanted": wanted, "balance": balance, "missing": wanted - balance}
            return Reason(ReasonCode.POINTS_EXCEEDED, params)
        room = facts.spend(self.scope, "remaining") * self.max_share_bps // FULL_RATE_BPS
        paid = min(wanted * self.worth_minor // self.points, room)
        return Outcome(
            order_minor=paid,
            carriers=carriers,
            # Rounded up: the fewest points that are worth the money.
            balance_taken=-(-paid * self.points // self.worth_minor),
            inputs={"balance": balance, "wanted": wanted, "room_minor": room},
        )
