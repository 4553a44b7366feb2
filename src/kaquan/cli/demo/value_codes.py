"""What a manufacturer's coupon is worth, read from the bar code printed on it.

Until 2011 a coupon in the United States carried a UPC-A code of number system 5: the maker, a
family of goods, and two digits that name the value. Source: Uniform Code Council, *UPC Coupon
Code Guidelines*, value code table. Codes that mean "free goods" or "ask the cashier" name no
amount and are absent here.
"""

MANUFACTURER_SYSTEM = 5
"""Number system (first of 11 digits) of manufacturers' coupons; stores' own begin with another."""

_SYSTEM_UNIT = 10**10

_WRITTEN_OUT = frozenset(
    {10, 12, 15, 20, 25, 29, 30, 35, 39, 40, 45, 49, 50, 55, 59}
    | {60, 65, 69, 70, 75, 79, 80, 85, 89, 90, 95, 99}
)
"""Codes that are simply so many cents."""

_LISTED = {
    3: 110, 4: 135, 5: 140, 6: 160, 7: 150, 8: 300, 9: 200, 11: 185, 13: 100, 18: 260,
    21: 35, 22: 40, 23: 45, 24: 50, 26: 285, 28: 55, 31: 60, 32: 75, 33: 100, 34: 125,
    36: 150, 37: 25, 38: 30, 41: 50, 42: 100, 43: 110, 44: 135, 46: 160, 47: 175, 48: 185,
    51: 200, 52: 55, 53: 10, 54: 15, 56: 20, 57: 25, 58: 30, 61: 1000, 62: 950, 63: 900,
    64: 850, 66: 800, 67: 750, 68: 700, 71: 650, 72: 600, 73: 550, 74: 500, 76: 100, 77: 125,
    78: 150, 81: 175, 82: 200, 83: 225, 84: 250, 86: 275, 87: 300, 88: 325, 91: 350, 92: 375,
    93: 400, 96: 450, 98: 65,
}  # fmt: skip


def is_manufacturers(coupon_upc: int) -> bool:
    """Say whether an 11-digit coupon code is a manufacturer's (and not the store's own)."""
    return coupon_upc // _SYSTEM_UNIT == MANUFACTURER_SYSTEM


def printed_value_minor(coupon_upc: int) -> int | None:
    """Return the amount in US cents that a coupon's code names, or None when it names none."""
    if not is_manufacturers(coupon_upc):
        return None
    code = coupon_upc % 100
    return code if code in _WRITTEN_OUT else _LISTED.get(code)
