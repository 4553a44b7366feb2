"""A decision's inputs as JSON: written small, and read back to decide again.

An offer may name tens of thousands of products and is the same for many attempts: it is kept once,
under a digest of its text, and the inputs refer to it. Its window, which differs by coupon, stays
with the inputs.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import msgspec

from kaquan.checkout.model import Inputs
from kaquan.engine import (
    Candidate,
    Cart,
    Context,
    Effect,
    Node,
    Offer,
    StackingRules,
    offer_to_data,
    parse_offer,
)

_DIGEST_BYTES = 16
_MOST_REMEMBERED = 2_000
_CANDIDATE = [field for field in msgspec.structs.fields(Candidate) if field.name != "offer"]


class KeptInputs(msgspec.Struct, frozen=True, kw_only=True):
    """Inputs on their way to and from the database; each candidate's ``offer`` is a reference.

    Cart, context and rules are the engine's own on their way there, and JSON data coming back.
    With ``alone`` each candidate was decided by itself, as a qualification does.
    """

    sent: tuple[str, ...]
    cart: Any
    candidates: tuple[dict[str, Any], ...]
    context: Any
    rules: Any
    alone: bool = False


class OfferReferences:
    """Names offers by their content, remembering those that it saw last."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[int, int], tuple[Effect, Node, str]] = OrderedDict()

    def name(self, offer: Offer, into: dict[str, dict[str, Any]]) -> str:
        """Return the reference of an offer, whose data goes into ``into`` under it."""
        # Definitions are cached, so most offers are the very objects of the last attempt. What
        # is remembered is kept alive, so no other object can take its place in memory.
        place = id(offer.effect), id(offer.condition)
        known = self._known.get(place)
        if known is not None:
            self._known.move_to_end(place)
            reference = known[2]
            if reference in into:
                return reference
        data = offer_to_data(offer)
        data.pop("window")
        reference = _digest(data)
        into.setdefault(reference, data)
        self._known[place] = offer.effect, offer.condition, reference
        if len(self._known) > _MOST_REMEMBERED:
            self._known.popitem(last=False)
        return reference


def write_inputs(
    inputs: Inputs, references: OfferReferences, into: dict[str, dict[str, Any]], *, alone: bool
) -> KeptInputs:
    """Return the inputs as they are kept; the offers they need go into ``into``."""
    return KeptInputs(
        sent=inputs.sent,
        cart=inputs.cart,
        candidates=tuple(_write_candidate(one, references, into) for one in inputs.candidates),
        context=inputs.context,
        rules=inputs.rules,
        alone=alone,
    )


def list_offer_references(kept: KeptInputs) -> set[str]:
    """The offers that have to be looked up to read the inputs."""
    return {one["offer"]["ref"] for one in kept.candidates}


def read_inputs(kept: KeptInputs, offers: Mapping[str, dict[str, Any]]) -> Inputs:
    """Return the inputs as they were; ``offers`` are data by reference."""
    return Inputs(
        sent=kept.sent,
        cart=msgspec.convert(kept.cart, Cart),
        candidates=tuple(_read_candidate(one, offers) for one in kept.candidates),
        context=msgspec.convert(kept.context, Context),
        rules=msgspec.convert(kept.rules, StackingRules),
    )


def _write_candidate(
    candidate: Candidate, references: OfferReferences, into: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    offer = candidate.offer
    written = {
        field.name: value
        for field in _CANDIDATE
        if (value := getattr(candidate, field.name)) != field.default
    }
    return written | {"offer": {"ref": references.name(offer, into), "window": offer.window}}


def _read_candidate(data: dict[str, Any], offers: Mapping[str, dict[str, Any]]) -> Candidate:
    kept = data["offer"]
    offer = parse_offer({**offers[kept["ref"]], "window": kept["window"]})
    fields = {
        field.name: msgspec.convert(data[field.name], field.type)
        for field in _CANDIDATE
        if field.name in data
    }
    return Candidate(offer=offer, **fields)


def _digest(data: dict[str, Any]) -> str:
    return hashlib.blake2b(msgspec.json.encode(data), digest_size=_DIGEST_BYTES).hexdigest()
