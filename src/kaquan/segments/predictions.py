"""What models predict of customers, for rules to ask about."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from kaquan.runtime import InvalidInput, Tx, check_time, words
from kaquan.segments.operands import check_value_text
from kaquan.segments.store.scores import upsert_predictions

LARGEST = Decimal(10) ** 18
_FINEST = Decimal("1e-9")


async def record_predictions(
    tx: Tx, name: str, values: Mapping[str, float | Decimal], *, as_of: datetime
) -> int:
    """Store a model's values by customer id, to nine decimal places; returns how many changed.

    Rules ask for them as the attribute ``score.<name>``. Older values than those stored are left
    out, and those of who is unknown or erased. Raises InvalidInput for a value that is no number
    below 10^18.
    """
    checked: dict[str, Decimal] = {}
    for customer_id, value in values.items():
        number = Decimal(str(value))
        if not number.is_finite() or abs(number) >= LARGEST:
            message = words(
                "The value of '%(customer_id)s' is not a number below 10^18.",
                customer_id=customer_id,
            )
            raise InvalidInput(message, field="values")
        checked[customer_id] = number.quantize(_FINEST)
    named = check_value_text(name, "name")
    if not named:
        raise InvalidInput("A prediction has a name.", field="name")
    return await upsert_predictions(tx, named, checked, as_of=check_time(as_of, "as_of"))
