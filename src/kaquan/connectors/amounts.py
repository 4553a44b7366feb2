"""Amounts and counts as other systems write them: decimals of a whole unit, numbers as text."""

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


def read_count(value: object, *, least: int, field: str) -> int:
    """Return a whole number such as 2, 2.0 or ``"2"``. Raises InvalidInput for less than ``least``."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        value = int(value)
    if type(value) is not int or not least <= value < 2**53:
        message = f"This must be a whole number from {least}."
        raise InvalidInput(message, field=field)
    return value
