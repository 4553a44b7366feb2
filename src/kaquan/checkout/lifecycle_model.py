"""The nouns of an order's life: which coupons it is going to use."""

import msgspec

from kaquan.checkout.model import Redeemable
from kaquan.checkout.session_model import Session


class OrderCoupons(msgspec.Struct, frozen=True, kw_only=True):
    """What an order redeems when it is paid; ``session_key`` has reserved it."""

    redeemables: tuple[Redeemable, ...]
    session_key: str | None = None
    channel: str = "API"


class CouponsWanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is said about an order's coupons: they replace those it had, none take them away.

    With a ``session`` they are reserved. Without redeemables (None) the session's own are meant,
    which it must have reserved before.
    """

    redeemables: tuple[Redeemable, ...] | None = None
    session: Session | None = None
    channel: str = "API"
