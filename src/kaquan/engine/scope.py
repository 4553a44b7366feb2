"""Which lines of a cart an offer or a rule speaks about."""

from collections.abc import Mapping

import msgspec

from kaquan.engine.cart import AttributeValue, Cart, Line

NO_IDS: frozenset[str] = frozenset()


class Scope(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Goods by product, SKU or attribute. Nothing included means everything; exclusion wins.

    A line is included when its product or its SKU is named, or when every named attribute has
    one of the values given for it. A product covers its SKUs. A line is excluded when its product
    or SKU is, or when any excluded attribute has one of the values.
    """

    product_ids: frozenset[str] = NO_IDS
    sku_ids: frozenset[str] = NO_IDS
    attributes: Mapping[str, frozenset[str]] = {}
    excluded_product_ids: frozenset[str] = NO_IDS
    excluded_sku_ids: frozenset[str] = NO_IDS
    excluded_attributes: Mapping[str, frozenset[str]] = {}

    def is_everything(self) -> bool:
        """True when no line can fall outside."""
        return not (
            self.product_ids
            or self.sku_ids
            or self.attributes
            or self.excluded_product_ids
            or self.excluded_sku_ids
            or self.excluded_attributes
        )

    def covers(self, line: Line) -> bool:
        """True when the line is in scope."""
        return self._includes(line) and not self._excludes(line)

    def indexes(self, cart: Cart) -> tuple[int, ...]:
        """Positions of the lines in scope, in cart order."""
        if self.is_everything():
            return tuple(range(len(cart.lines)))
        return tuple(index for index, line in enumerate(cart.lines) if self.covers(line))

    def _includes(self, line: Line) -> bool:
        if not (self.product_ids or self.sku_ids or self.attributes):
            return True
        return (
            line.product_id in self.product_ids
            or line.sku_id in self.sku_ids
            or (bool(self.attributes) and self._has_all(line))
        )

    def _has_all(self, line: Line) -> bool:
        return all(
            _has_value(line.attributes.get(name), wanted)
            for name, wanted in self.attributes.items()
        )

    def _excludes(self, line: Line) -> bool:
        return (
            line.product_id in self.excluded_product_ids
            or line.sku_id in self.excluded_sku_ids
            or any(
                _has_value(line.attributes.get(name), unwanted)
                for name, unwanted in self.excluded_attributes.items()
            )
        )


EVERYTHING = Scope()


def _has_value(value: AttributeValue | None, wanted: frozenset[str]) -> bool:
    if isinstance(value, str):
        return value in wanted
    if isinstance(value, tuple):
        return not wanted.isdisjoint(value)
    if isinstance(value, bool):
        return ("true" if value else "false") in wanted
    return value is not None and str(value) in wanted
