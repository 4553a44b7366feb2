"""One pass over candidates: what each may do, given those before it."""

from copy import copy

import msgspec

from kaquan.engine.amount_base import apply_to_initial, is_percentage
from kaquan.engine.candidate import Candidate
from kaquan.engine.cart import Cart
from kaquan.engine.conditions import Verdict, evaluate
from kaquan.engine.context import Context
from kaquan.engine.effects import Outcome
from kaquan.engine.facts import Facts
from kaquan.engine.limits import Limits
from kaquan.engine.places import Places
from kaquan.engine.product_use import DiscountedProducts
from kaquan.engine.reasons import Reason, ReasonCode
from kaquan.engine.stacking import ProductUse, StackingRules
from kaquan.engine.steps import Granted, Proposal, Refused, Step, reject, skip
from kaquan.engine.tally import Tally
from kaquan.engine.trace import Check, EffectStep


class Run:
    """Everything that earlier candidates of a request leave behind for later ones."""

    def __init__(self, cart: Cart, context: Context, rules: StackingRules) -> None:
        self.tally = Tally(cart)
        self._granted = 0
        self._off_minor = 0
        self._limits = Limits()
        self._places = Places(rules)
        self._products = DiscountedProducts(cart)
        self._context = context
        self._rules = rules

    def fork(self) -> "Run":
        """The same state, to go on from separately."""
        twin = copy(self)
        twin.tally = self.tally.copy()
        twin._limits = self._limits.copy()
        twin._places = self._places.copy()
        twin._products = self._products.copy()
        return twin

    @property
    def left_minor(self) -> int:
        """What is left of the order, in minor units, units that were added included."""
        return self.tally.cart.amount - self._off_minor

    def has_cart(self, cart: Cart) -> bool:
        """Whether the cart is still that one: whether no units were added to it."""
        return self.tally.cart is cart

    def try_candidate(self, candidate: Candidate) -> Step:
        """Weigh a candidate and, if nothing stands against it, book what it takes off."""
        proposal = self.weigh(candidate)
        return proposal if isinstance(proposal, Refused) else self.grant(proposal)

    def weigh(self, candidate: Candidate) -> Proposal | Refused:
        """What the candidate would take off after those before it, or why not; books nothing."""
        no_place = self._places.check(candidate)
        if no_place is not None:
            return skip(candidate, no_place)
        facts = self._gather_facts(candidate)
        checks, reasons = self._admit(candidate, facts)
        if reasons:
            return reject(candidate, checks, reasons)
        outcome = self._apply(candidate, facts)
        code = candidate.offer.effect.code
        if isinstance(outcome, Reason):
            step = EffectStep(code=code, reason=outcome)
            return reject(candidate, checks, (outcome,), effect=step)
        step = EffectStep(code=code, inputs=outcome.inputs)
        booking = self.tally.measure(outcome)
        gives_nothing = booking.total_minor == 0 and not (booking.grants or booking.added)
        if gives_nothing and not self._rules.redeems_without_effect(candidate.category_ids):
            return skip(candidate, Reason(ReasonCode.NO_EFFECT), checks=checks, effect=step)
        budget = self._limits.check_budget(candidate, booking.total_minor)
        if budget is not None:
            checks.append(budget)
            if budget.reason is not None:
                return reject(candidate, checks, (budget.reason,), effect=step)
        return Proposal(candidate=candidate, booking=booking, checks=tuple(checks), effect=step)

    def grant(self, proposal: Proposal) -> Granted:
        """Book a proposal that was weighed on this very state."""
        candidate, booking = proposal.candidate, proposal.booking
        self._limits.draw(candidate, booking.total_minor)
        self._places.take(candidate)
        self._products.add(booking.items_minor)
        self.tally.book(booking)
        self._granted += 1
        self._off_minor += booking.total_minor
        return Granted(
            proposal=proposal, position=self._granted - 1, cumulative=self.tally.figures()
        )

    def _gather_facts(self, candidate: Candidate) -> Facts:
        in_request = self._limits.count_uses(candidate)
        redemptions = candidate.customer_redemptions
        if redemptions is None:
            redemptions = self._context.customer.redemptions_in_campaign
        return Facts(
            cart=self.tally.cart,
            context=self._context,
            left=self.tally.remaining(),
            initial=self.tally.initial(),
            customer_redemptions=redemptions + in_request,
            face_value_minor=candidate.face_value_minor,
            redemption_counts=candidate.redemption_counts,
            uses_in_request=in_request,
            holder_id=candidate.holder_id,
            claimed_at=candidate.claimed_at,
            balance=candidate.balance,
            credits=candidate.credits,
            attributes=candidate.attributes,
            publication=candidate.publication,
            starts_at=candidate.starts_at,
            expires_at=candidate.expires_at,
            quantity=candidate.quantity,
            rounding=self._rules.rounding,
        )

    def _admit(self, candidate: Candidate, facts: Facts) -> tuple[list[Check], tuple[Reason, ...]]:
        """Everything that is checked before the effect, all of it, so that all reasons show."""
        inactive = None if candidate.active else Reason(ReasonCode.INACTIVE)
        outside = candidate.offer.window.check(self._context, claimed_at=facts.claimed_at)
        checks = [
            Check.of("active", "active", inactive),
            Check.of("window", "window", outside),
            *self._limits.check_uses(candidate),
        ]
        if candidate.held_out:
            kept_out = Reason(ReasonCode.CUSTOMER_IN_HOLDOUT)
            checks.append(Check.of("holdout", "holdout", kept_out))
        if candidate.referral:
            checks.append(self._check_referral(candidate))
        reasons = [check.reason for check in checks if check.reason is not None]
        ruled = evaluate(candidate.offer.condition, facts, path="condition", checks=checks)
        if ruled.verdict is not Verdict.MET:
            reasons += ruled.reasons
        return checks, tuple(reasons)

    def _check_referral(self, candidate: Candidate) -> Check:
        """Nobody brings themselves along, and who is brought along is known."""
        customer_id, reason = self._context.customer.id, None
        if customer_id is None:
            reason = Reason(ReasonCode.CUSTOMER_REQUIRED)
        elif customer_id == candidate.holder_id:
            reason = Reason(ReasonCode.SELF_REFERRAL)
        return Check.of("referral", "referral", reason)

    def _apply(self, candidate: Candidate, facts: Facts) -> Outcome | Reason:
        """The effect, on what the stacking rules let it see."""
        effect = candidate.offer.effect
        once = self._rules.products is ProductUse.ONCE
        if once:
            facts = msgspec.structs.replace(facts, left=self._products.hide(facts.left))
        if is_percentage(effect) and self._rules.works_on_initial(candidate.category_ids):
            initial = self.tally.initial()
            if once:
                initial = self._products.hide(initial)
            return apply_to_initial(effect, facts, initial=initial)
        return effect.apply(facts)
