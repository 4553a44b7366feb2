"""The best combination of what a customer holds, what needs no code, and what the request names."""

from collections.abc import Mapping
from datetime import datetime

import msgspec
from msgspec import structs

from kaquan.checkout.decision import gather_inputs
from kaquan.checkout.demand import check_request
from kaquan.checkout.model import CheckoutRequest, Coupon, Inputs, Redeemable, Validation
from kaquan.checkout.orders import check_open
from kaquan.checkout.snapshot import Snapshot, take_snapshot
from kaquan.checkout.store.candidates import list_running_tiers, list_wallet_codes
from kaquan.checkout.validate import conclude
from kaquan.engine import (
    Application,
    BestCombination,
    Reason,
    ReasonCode,
    StackingRules,
    best_combination,
)
from kaquan.runtime import InvalidInput, Tx

MOST_WALLET = 200
MOST_AUTOMATIC = 100
EXACT_UP_TO = 12


class BestFound(msgspec.Struct, frozen=True, kw_only=True):
    """The legal set that takes most off, as a validation of it, in the order of application.

    ``exact`` says that nothing better exists; above 12 usable candidates a bounded search may
    miss it. ``left_out`` tells of every other candidate why it is not in the set, at least one
    reason each; ``coupons`` are all candidates'.
    """

    validation: Validation
    exact: bool
    considered: int
    left_out: Mapping[str, tuple[Reason, ...]]
    coupons: Mapping[str, Coupon]


async def find_best(
    tx: Tx,
    request: CheckoutRequest,
    *,
    now: datetime,
    from_wallet: bool = True,
    automatic: bool = True,
    rules: StackingRules | None = None,
) -> BestFound:
    """Find what takes most off the request's order; nothing is written.

    Candidates are the request's redeemables (up to 30; codes that nobody knows are left out with
    that reason) and, ``from_wallet``, the 200 codes that its customer was given last. Payment
    means save nothing and are never chosen. Raises as ``validate`` does.
    """
    if request.order is None:
        message = "Without an order there is nothing to take off."
        raise InvalidInput(message, field="order", key="missing_order")
    if request.redeemables:
        check_request(request)
    asked = {one.id: one for one in request.redeemables}
    if automatic:
        tiers = await list_running_tiers(tx, limit=MOST_AUTOMATIC, now=now)
        asked |= {one: Redeemable(id=one, object="promotion_tier") for one in tiers}
    if from_wallet:
        asked = await _list_wallet(tx, request, now=now) | asked
    snapshot = await take_snapshot(
        tx, structs.replace(request, redeemables=tuple(asked.values())), now=now, locking=False
    )
    check_open(snapshot)
    rules = rules or snapshot.rules
    # PARTIAL looks at every candidate, known or not; what is chosen applies under ALL as well.
    inputs = gather_inputs(snapshot, structs.replace(rules, application=Application.PARTIAL))
    best = best_combination(
        inputs.cart, inputs.candidates, inputs.context, rules=rules, exact_up_to=EXACT_UP_TO
    )
    unknown = {
        code: (Reason(ReasonCode.VOUCHER_NOT_FOUND, {"key": code}),)
        for code in asked
        if code not in snapshot.coupons
    }
    return BestFound(
        validation=_validate_chosen(snapshot, inputs, best, rules=rules),
        exact=best.exact,
        considered=len(asked),
        left_out={**unknown, **best.left_out},
        coupons=snapshot.coupons,
    )


async def _list_wallet(tx: Tx, request: CheckoutRequest, *, now: datetime) -> dict[str, Redeemable]:
    """What the request's customer holds, by code."""
    bare = structs.replace(request, redeemables=())
    customer_id = (await take_snapshot(tx, bare, now=now, locking=False)).customer_id
    if customer_id is None:
        return {}
    codes = await list_wallet_codes(tx, customer_id, limit=MOST_WALLET)
    return {code: Redeemable(id=code) for code in codes}


def _validate_chosen(
    snapshot: Snapshot, inputs: Inputs, best: BestCombination, *, rules: StackingRules
) -> Validation:
    """The chosen set as if it alone had been asked for."""
    redeemables = {one.id: one for one in snapshot.request.redeemables}
    candidates = {one.key: one for one in inputs.candidates}
    results = {result.key: result for result in best.decision.results}
    asked = structs.replace(
        snapshot.request, redeemables=tuple(redeemables[key] for key in best.chosen)
    )
    used = structs.replace(
        inputs,
        sent=best.chosen,
        candidates=tuple(candidates[key] for key in best.chosen),
        rules=rules,
    )
    decision = structs.replace(best.decision, results=tuple(results[key] for key in best.chosen))
    return conclude(structs.replace(snapshot, request=asked), used, decision, rules=rules)
