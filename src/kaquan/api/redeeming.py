"""Redeeming over HTTP: requests that arrive together are answered out of one transaction."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from kaquan.api.baskets import view_closing, view_steps
from kaquan.api.call import Call
from kaquan.api.customer_views import view_simple_customer
from kaquan.api.once import refuse, succeed
from kaquan.api.orders import OrderView, store_overrides, view_order
from kaquan.api.promotion_views import TierView
from kaquan.api.redemption_views import (
    RedemptionView,
    Surroundings,
    gather_tiers,
    view_redemption,
)
from kaquan.api.refusals import problem_of_refused
from kaquan.api.validations import CheckoutBody, RedeemableView, read_checkout, view_refused
from kaquan.api.voucher_views import VoucherView, view_voucher
from kaquan.campaigns import Balance, voucher_balances
from kaquan.checkout import Asked, Coupon, Redeemed, Refused, redeem_together
from kaquan.engine import Applied
from kaquan.runtime import (
    Answer,
    KaquanError,
    OnceKey,
    Tx,
    find_first_answers,
    remember_answers,
)


class RedeemedView(msgspec.Struct, frozen=True, kw_only=True):
    """Redemptions that took place; ``parent_redemption`` when there were several redeemables."""

    redemptions: list[RedemptionView]
    parent_redemption: RedemptionView | UnsetType = UNSET
    order: OrderView | UnsetType = UNSET
    inapplicable_redeemables: list[RedeemableView] | UnsetType = UNSET
    skipped_redeemables: list[RedeemableView] | UnsetType = UNSET


class RedeemWork(msgspec.Struct, frozen=True, kw_only=True):
    """One request to redeem; with ``once`` it is answered from memory when it comes again."""

    body: CheckoutBody
    call: Call
    request_id: str
    once: OnceKey | None = None

    @property
    def names(self) -> frozenset[str]:
        """Whom and what it concerns alone: two requests that share one wait for each other."""
        return frozenset(_list_names(self))

    @property
    def is_lone(self) -> bool:
        """Whether it does more than redeem, and is better left to itself."""
        order = self.body.order
        items = (order.items or ()) if order is not None else ()
        return bool(self.body.session) or any(
            item.product is not None and item.product.override for item in items
        )


async def answer_redemptions(tx: Tx, works: Sequence[RedeemWork]) -> list[Answer | Exception]:
    """Redeem and map the outcomes; a refusal is an answer, whose failed attempts are kept.

    What a request is wrong about is an exception in its place. Answers to a key are remembered.
    """
    results = await _recall(tx, works)
    asked: dict[int, Asked] = {}
    for number, work in enumerate(works):
        if number in results:
            continue
        try:
            if work.body.order is not None:
                await store_overrides(tx, work.body.order.items, call=work.call)
            request = await read_checkout(tx, work.body, redeemer_id=work.call.caller.key_id)
            asked[number] = Asked(request=request, now=work.call.now)
        except KaquanError as error:
            results[number] = error
    outcomes = await redeem_together(tx, list(asked.values())) if asked else []
    balances = await _read_balances(tx, outcomes)
    tiers = await _read_tiers(tx, outcomes)
    fresh: list[tuple[OnceKey, Answer]] = []
    for number, outcome in zip(asked, outcomes, strict=True):
        work = works[number]
        if isinstance(outcome, KaquanError):
            results[number] = outcome
            continue
        answer = results[number] = _answer(
            outcome, balances, tiers=tiers, request_id=work.request_id
        )
        if work.once is not None:
            fresh.append((work.once, answer))
    await remember_answers(tx, fresh, now=works[0].call.now)
    return [results[number] for number in range(len(works))]


async def _recall(tx: Tx, works: Sequence[RedeemWork]) -> dict[int, Answer | Exception]:
    """What was answered before, and keys that cannot be used."""
    keyed = [(number, work.once) for number, work in enumerate(works) if work.once is not None]
    found = await find_first_answers(tx, [once for _, once in keyed], now=works[0].call.now)
    return {
        number: known for (number, _), known in zip(keyed, found, strict=True) if known is not None
    }


async def _read_balances(
    tx: Tx, outcomes: Sequence[Redeemed | Refused | KaquanError]
) -> dict[str, Balance]:
    """What is left on the cards that took part; nothing is asked while none did."""
    coupons = [
        attempt.coupon
        for outcome in outcomes
        if isinstance(outcome, Redeemed)
        for attempt in outcome.validation.attempts
        if attempt.coupon is not None and attempt.pays_from is not None
    ]
    if not coupons:
        return {}
    campaigns = {one.campaign.id: one.campaign for one in coupons if one.campaign is not None}
    return await voucher_balances(tx, [one.voucher for one in coupons], campaigns)


async def _read_tiers(
    tx: Tx, outcomes: Sequence[Redeemed | Refused | KaquanError]
) -> dict[str, TierView]:
    """The promotion tiers that took part, as answered."""
    return await gather_tiers(
        tx,
        (
            attempt.coupon.voucher
            for outcome in outcomes
            if isinstance(outcome, Redeemed)
            for attempt in outcome.validation.attempts
            if attempt.coupon is not None
        ),
    )


def _answer(
    outcome: Redeemed | Refused,
    balances: Mapping[str, Balance],
    *,
    tiers: Mapping[str, TierView],
    request_id: str,
) -> Answer:
    if isinstance(outcome, Refused):
        return refuse(problem_of_refused(outcome, request_id=request_id))
    return succeed(view_redeemed(outcome, balances, tiers=tiers, request_id=request_id))


def _list_names(work: RedeemWork) -> Iterator[str]:
    order, customer = work.body.order, work.body.customer
    if work.once is not None:
        yield f"key {work.once.key}"
    if order is not None:
        references = (order.id, order.source_id)
        yield from (f"order {one}" for one in references if isinstance(one, str))
        if isinstance(order.customer_id, str):
            yield f"customer {order.customer_id}"
        customer = customer or order.customer
    if customer is not None:
        references = (customer.id, customer.source_id)
        yield from (f"customer {one}" for one in references if isinstance(one, str))


def view_redeemed(
    redeemed: Redeemed,
    balances: Mapping[str, Balance],
    *,
    tiers: Mapping[str, TierView],
    request_id: str,
) -> RedeemedView:
    """Map what took place, each redemption with the order after its own step."""
    parent = redeemed.parent
    children = list(redeemed.redemptions)
    around = _surroundings(redeemed, balances, tiers)
    steps = view_steps(redeemed.validation)
    attempts = redeemed.validation.attempts
    applied = [a for a in attempts if isinstance(a.result, Applied)]
    names = _list_stored_names(redeemed)
    only = next(iter(steps.values())) if len(steps) == len(attempts) == 1 else None
    closing = _name(view_closing(redeemed.validation) if only is None else only, names)
    refused = [
        view_refused(attempt, project=redeemed.validation.project, request_id=request_id)
        for attempt in attempts
        if not isinstance(attempt.result, Applied)
    ]
    return RedeemedView(
        redemptions=[
            view_redemption(
                row,
                around,
                order=_name(steps.get(attempt.redeemable.id, UNSET), names),
            )
            for attempt, row in zip(applied, children, strict=True)
        ],
        parent_redemption=UNSET
        if parent is None
        else view_redemption(parent, around, order=closing, children=children),
        order=_name_redemptions(closing, redeemed),
        inapplicable_redeemables=[one for one in refused if one.status == "INAPPLICABLE"] or UNSET,
        skipped_redeemables=[one for one in refused if one.status == "SKIPPED"] or UNSET,
    )


def _surroundings(
    redeemed: Redeemed, balances: Mapping[str, Balance], tiers: Mapping[str, TierView]
) -> Surroundings:
    """What the redemptions refer to, from what the checkout looked up already."""
    customer = redeemed.customer
    coupons = [a.coupon for a in redeemed.validation.attempts if a.coupon is not None]

    def view(coupon: Coupon) -> VoucherView:
        voucher = coupon.voucher
        return view_voucher(
            voucher,
            redeemed.usages[voucher.id],
            coupon.campaign,
            balance=balances.get(voucher.id),
        )

    return Surroundings(
        orders={},
        customers={} if customer is None else {customer.id: view_simple_customer(customer)},
        vouchers={c.voucher.id: view(c) for c in coupons if not c.voucher.tier},
        tiers={c.voucher.id: tiers[c.voucher.id] for c in coupons if c.voucher.tier},
    )


def _list_stored_names(redeemed: Redeemed) -> dict[str, Any]:
    """What the calculated order got when it was stored: id, state, customer."""
    if redeemed.order is None:
        return {}
    stored = view_order(redeemed.order, items=())
    names = "id", "source_id", "status", "created_at", "updated_at", "customer", "customer_id"
    return {name: getattr(stored, name) for name in names}


def _name(view: OrderView | UnsetType, names: Mapping[str, Any]) -> OrderView | UnsetType:
    return view if isinstance(view, UnsetType) else msgspec.structs.replace(view, **names)


def _name_redemptions(view: OrderView | UnsetType, redeemed: Redeemed) -> OrderView | UnsetType:
    if isinstance(view, UnsetType):
        return view
    top = redeemed.parent or redeemed.redemptions[0]
    stacked = {"stacked": [row.id for row in redeemed.redemptions]} if redeemed.parent else {}
    return msgspec.structs.replace(
        view,
        redemptions={
            top.id: {
                "date": top.created_at,
                "related_object_type": "redemption" if redeemed.parent else "voucher",
                "related_object_id": top.voucher_id or top.id,
                **stacked,
            }
        },
    )
