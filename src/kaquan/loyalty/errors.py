"""What loyalty's verbs may refuse, besides input that makes no sense."""

from kaquan.runtime import KaquanError


class PointsExceeded(KaquanError):
    """The card holds fewer points than are wanted of it; nothing was moved."""

    key = "loyalty_card_points_exceeded"


class RewardRefused(KaquanError):
    """The reward cannot be given: none is left, or the card cannot be used.

    ``key`` is reward_stock_exceeded, voucher_disabled, voucher_expired, voucher_not_active or
    loyalty_card_without_holder.
    """

    def __init__(self, key: str, message: str, *, field: str) -> None:
        super().__init__(message, field=field)
        self.key = key
