"""What an offer gives besides money: units of goods, points, services."""

from typing import TypeAlias

import msgspec

from kaquan.engine.cart import Goods


class AddedUnits(msgspec.Struct, frozen=True, kw_only=True):
    """Units that an offer puts into the cart; they come off again as item-level money.

    `position` is that of the line they go to; when there is none yet, one is added at the end.
    """

    position: int
    units: int
    goods: Goods

    @property
    def amount_minor(self) -> int:
        """What the units cost."""
        return self.units * self.goods.unit_price


class PointsEarned(msgspec.Struct, frozen=True, kw_only=True, tag="points"):
    """Points for the order: those it earns times `multiplier_bps`, and `extra_points`.

    The goods that earn are on the lines at `positions`; 10,000 bps is the ordinary rate.
    """

    multiplier_bps: int
    extra_points: int
    positions: tuple[int, ...]


class ServiceGranted(msgspec.Struct, frozen=True, kw_only=True, tag="service"):
    """A right to a service: so many visits, within so many days when they are limited."""

    service_id: str
    visits: int
    valid_days: int | None = None


Grant: TypeAlias = PointsEarned | ServiceGranted
