"""Money as other systems write it: decimals in whole units of the currency."""

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from kaquan.runtime import MAX_MINOR, InvalidInput


def read_money(value: object, *, digits: int, field: str) -> int:
    """Return an amount such as ``"19.90"`` or 19.9 in minor units; ``digits`` is the currency's.

    What is finer than a minor unit is rounded, halves away from zero. A JSON number is taken as it
    was written, up to 15 digits. Raises InvalidInput.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise InvalidInput("This must be an amount of money.", field=field)
    try:
        amount = Decimal(str(value).strip())
        if not amount.is_finite() or abs(amount) > MAX_MINOR:
            raise InvalidOperation
        minor = int(amount.scaleb(digits).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    except InvalidOperation as error:
        raise InvalidInput("This is not an amount of money.", field=field) from error
    if abs(minor) > MAX_MINOR:
        raise InvalidInput("This amount is larger than can be kept.", field=field)
    return minor
