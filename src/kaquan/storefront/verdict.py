"""The till's answers: what a check found, and what happened when a coupon was redeemed."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from kaquan.campaigns import Voucher, effective_offer, find_campaign
from kaquan.checkout import (
    CheckoutRequest,
    Redeemed,
    Redemption,
    RollBackRefused,
    Tried,
    Validation,
    redeem,
    roll_back,
    tried_validation,
    validate,
)
from kaquan.console import Language
from kaquan.engine import Reason, ReasonCode, explain, headline
from kaquan.outreach import offer_sentence
from kaquan.runtime import Answer, Project, Tx, answer_once, format_money
from kaquan.storefront.codes import find_typed_voucher
from kaquan.storefront.entry import CHANNEL, Purchase, checkout_request
from kaquan.trust import User

UNDO_WITHIN = timedelta(minutes=15)
_ROUTE = "till"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a purchase would come to with the coupon, minor units; `reasons` are why it would not.

    `code` is the coupon's own spelling of what was typed; `worth` says what it gives.
    """

    code: str
    amount_minor: int
    discount_minor: int
    reasons: tuple[Reason, ...] = ()
    worth: str = ""

    @property
    def asks_face_value(self) -> bool:
        """Whether the clerk has to enter the value printed on the coupon."""
        codes = {reason.code for reason in self.reasons}
        return not codes.isdisjoint({ReasonCode.FACE_VALUE_MISSING, ReasonCode.FACE_VALUE_INVALID})

    def sentences(self, *, language: Language, project: Project) -> tuple[str, ...]:
        """The reasons as sentences that a clerk can read out, the most important one first."""
        if not self.reasons:
            return ()
        first = headline(self.reasons)
        ordered = (first, *(reason for reason in self.reasons if reason is not first))

        def money(amount_minor: int) -> str:
            return format_money(amount_minor, currency=project.currency, language=language.value)

        said = (explain(reason, language.value, money) for reason in ordered)
        return tuple(dict.fromkeys(said))


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """How a redemption ended, as it is remembered: its id, or the verdict that refused it."""

    redemption_id: str | None = None
    verdict: Verdict | None = None


async def check_purchase(
    tx: Tx,
    purchase: Purchase,
    *,
    person: User,
    project: Project,
    language: Language,
    now: datetime,
) -> tuple[Verdict, Tried]:
    """Say what redeeming would come to for this person, and what is kept of it; writes nothing."""
    voucher = await find_typed_voucher(tx, purchase.code)
    request = _request(purchase, voucher, person=person)
    validation = await validate(tx, request, now=now)
    verdict, tried = _verdict(validation), tried_validation(request, validation, at=now)
    if voucher is None:
        return verdict, tried
    worth = await _worth(tx, voucher, project=project, language=language)
    return msgspec.structs.replace(verdict, worth=worth), tried


async def redeem_once(
    tx: Tx, purchase: Purchase, *, nonce: str, person: User, now: datetime
) -> Done:
    """Redeem, or answer what was answered to the same `nonce` before.

    Raises what `answer_once` raises: KeyInFlight while another request with the nonce is worked
    on, KeyReused and InvalidInput for a nonce that no form of ours sent.
    """

    async def produce() -> Answer:
        voucher = await find_typed_voucher(tx, purchase.code)
        request = _request(purchase, voucher, person=person, tracking_id=nonce)
        outcome = await redeem(tx, request, now=now, by_user_id=person.id)
        if isinstance(outcome, Redeemed):
            done = Done(redemption_id=outcome.redemptions[0].id)
        else:
            done = Done(verdict=_verdict(outcome.validation))
        return Answer(200, msgspec.json.encode(done), lasting=True)

    asked = msgspec.json.encode(purchase)
    answer = await answer_once(tx, nonce, route=_ROUTE, request=asked, produce=produce, now=now)
    return msgspec.json.decode(answer.body, type=Done)


def may_undo(redemption: Redemption, *, person: User, now: datetime) -> bool:
    """Whether this person may take the redemption back at the till: their own, and fresh."""
    return (
        not redemption.rolled_back
        and redemption.channel == CHANNEL
        and redemption.by_user_id == person.id
        and now < redemption.created_at + UNDO_WITHIN
    )


async def undo(tx: Tx, redemption: Redemption, *, person: User, now: datetime) -> bool:
    """Roll a redemption back; False when that is not (or no longer) this person's to do."""
    if not may_undo(redemption, person=person, now=now):
        return False
    outcome = await roll_back(tx, redemption.id, now=now, reason="till", by_user_id=person.id)
    return not isinstance(outcome, RollBackRefused)


def _request(
    purchase: Purchase, voucher: Voucher | None, *, person: User, tracking_id: str | None = None
) -> CheckoutRequest:
    return checkout_request(
        purchase,
        code=purchase.code if voucher is None else voucher.code,
        customer_id=None if voucher is None else voucher.holder_id,
        redeemer_id=person.id,
        tracking_id=tracking_id,
    )


def _verdict(validation: Validation) -> Verdict:
    decision = validation.decision
    reasons = decision.reasons + validation.attempts[0].reasons
    return Verdict(
        code=validation.attempts[0].redeemable.id,
        amount_minor=decision.amount_minor,
        discount_minor=0 if reasons else decision.total_discount_minor,
        reasons=reasons,
    )


async def _worth(tx: Tx, voucher: Voucher, *, project: Project, language: Language) -> str:
    campaign = None
    if voucher.campaign_id is not None:
        campaign = await find_campaign(tx, voucher.campaign_id)
    return offer_sentence(
        effective_offer(voucher, campaign), language=language.value, currency=project.currency
    )
