"""The reference shop: the same steps as the real one, and what ought to come of them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from simulation.reference import campaigns, checkout, people, returns, sessions
from simulation.reference.state import Given, Shop
from simulation.steps import (
    AddVoucher,
    ChangeCampaign,
    ChangeOrder,
    ChangeVoucher,
    DeleteCampaign,
    DeleteVoucher,
    EnterCustomer,
    EnterOrder,
    EraseCustomer,
    ExpireHolds,
    Expose,
    IssueVouchers,
    LockSession,
    OpenCampaign,
    Outcome,
    PlaceHold,
    Publish,
    PublishToMany,
    Redeem,
    ReleaseHold,
    ReleaseSession,
    ReturnGoods,
    RollBack,
    Step,
    Validate,
)

REMEMBERED_FOR = timedelta(days=30)
LASTING = {
    "redeemed",
    "refused",
    "published",
    "rolled back",
    "already_rolled_back",
    "invalid_redemption",
    "invalid_redemption_parent",
    "returned",
    "already_returned",
    "invalid_order_status",
    "return_exceeds_purchase",
}
"""Answers that are remembered under the key of their request; errors are not."""


class Reference:
    """A shop in plain Python. ``play`` says how a step must end and lets it happen."""

    def __init__(self, shop: Shop | None = None) -> None:
        self.shop = shop or Shop()
        self._answers: dict[str, tuple[datetime, bytes, Outcome]] = {}
        self._told: dict[str, bytes] = {}

    def play(self, step: Step, now: datetime, seen: Outcome) -> Outcome:
        """Return the right outcome; of ``seen`` only the names that were made up are used."""
        if step.key is None:
            outcome = self.decide(step, Given(now, seen.names))
            if isinstance(step, EraseCustomer) and outcome.kind == "erased":
                self._empty_answers(step.customer)
            return outcome
        known = self._answers.get(step.key)
        if known is not None and known[0] >= now - REMEMBERED_FOR:
            same = known[1] == msgspec.json.encode(step)
            return known[2] if same else Outcome(kind="idempotency_key_reused")
        outcome = self.decide(step, Given(now, seen.names))
        if outcome.kind in LASTING:
            self._answers[step.key] = (now, msgspec.json.encode(step), outcome)
            self._told[step.key] = msgspec.json.encode(seen)
        return outcome

    def _empty_answers(self, customer: str) -> None:
        """Keys stay used whose answers told of the person, and answer nothing any more."""
        erased = Outcome(kind="idempotency_answer_erased")
        for key, (at, asked, _) in list(self._answers.items()):
            if customer.encode() in self._told[key]:
                self._answers[key] = (at, asked, erased)

    def decide(self, step: Step, given: Given) -> Outcome:
        """Let a step happen that was not answered before."""
        campaign = getattr(step, "campaign", None)
        if campaign is not None and campaign not in self.shop.campaigns:
            return Outcome(kind="not_found")  # It was deleted since the step was first tried.
        try:
            return _PLAYS[type(step)](self.shop, step, given)
        except (LookupError, ValueError) as error:
            # It made nothing, or not as much, where it should have made something.
            return Outcome(kind=f"more than was seen ({error!r})")


_Play = Callable[[Shop, Any, Given], Outcome]
_PLAYS: dict[type[Step], _Play] = {
    OpenCampaign: campaigns.play_open_campaign,
    ChangeCampaign: campaigns.play_change_campaign,
    DeleteCampaign: campaigns.play_delete_campaign,
    IssueVouchers: campaigns.play_issue,
    AddVoucher: campaigns.play_add_voucher,
    ChangeVoucher: campaigns.play_change_voucher,
    DeleteVoucher: campaigns.play_delete_voucher,
    Publish: campaigns.play_publish,
    PublishToMany: campaigns.play_publish_to_many,
    Expose: campaigns.play_expose,
    Validate: checkout.play_validate,
    Redeem: checkout.play_redeem,
    RollBack: checkout.play_roll_back,
    LockSession: checkout.play_lock,
    ReleaseSession: sessions.play_release_session,
    ReturnGoods: returns.play_return,
    PlaceHold: people.play_place_hold,
    ReleaseHold: people.play_release_hold,
    ExpireHolds: people.play_expire_holds,
    EnterCustomer: people.play_enter_customer,
    EraseCustomer: people.play_erase_customer,
    EnterOrder: checkout.play_enter_order,
    ChangeOrder: checkout.play_change_order,
}
