"""Which requests can be decided together in one batch."""

from collections.abc import Iterable

from kaquan.customers import Customer, Order
from kaquan.engine import Offer, RedemptionCount, find_needs, list_leaves
from kaquan.runtime import Apart, KaquanError


class Spoiled(KaquanError):
    """A request of the batch failed after it had written: the batch has to be done again."""

    key = "try_again"


class Company:
    """The customers and orders that requests of a batch concern so far.

    Vouchers and campaigns are shared, their accounts are followed in memory from request to
    request. What one person or one order has at stake is not: a batch has one request of each.
    """

    def __init__(self, *, size: int) -> None:
        """Prepare for so many requests; one alone is always in good company."""
        self._alone = size == 1
        self._taken: set[str] = set()

    @property
    def alone(self) -> bool:
        """Whether there is only one request."""
        return self._alone

    def join(
        self,
        customer: Customer | None,
        order: Order | None,
        offers: Iterable[Offer],
        *,
        guests: Iterable[str] = (),
    ) -> None:
        """Take a request in. Raises Apart when it does not go with those before it."""
        if self._alone:
            return
        names = set(guests)
        if customer is not None:
            names.add(f"customer {customer.id}")
        if order is not None and (order.id or order.source_id):
            names.add(f"order {order.id or order.source_id}")
        if names & self._taken or any(map(_counts_others, offers)):
            raise Apart("This request is decided by itself.")
        self._taken |= names


def _counts_others(offer: Offer) -> bool:
    """Whether something counts redemptions of others too, as those of this batch may be."""
    return find_needs([offer]).code_uses or any(
        isinstance(leaf, RedemptionCount) and not leaf.of.startswith("customer")
        for leaf in list_leaves(offer.condition)
    )
