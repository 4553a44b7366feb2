"""What a request must look like before anything is looked up for it."""

from kaquan.checkout.model import CheckoutRequest
from kaquan.checkout.session_model import check_session
from kaquan.engine import MOST_SENT, StackingRules
from kaquan.runtime import InvalidInput, check_metadata, check_name, is_storable

LONGEST_CODE = 255


def check_request(request: CheckoutRequest) -> None:
    """Raise InvalidInput for a request that no project could answer.

    Keys: missing_redeemables, too_many_redeemables, duplicate_redeemables, invalid_payload.
    """
    if not request.redeemables:
        message = "Name at least one redeemable."
        raise InvalidInput(message, field="redeemables", key="missing_redeemables")
    _check_count(request, MOST_SENT)
    seen: set[str] = set()
    for index, redeemable in enumerate(request.redeemables):
        field = f"redeemables[{index}].id"
        if not 1 <= len(redeemable.id) <= LONGEST_CODE or not is_storable(redeemable.id):
            message = f"A code has 1 to {LONGEST_CODE} characters."
            raise InvalidInput(message, field=field)
        if redeemable.id in seen:
            message = f"'{redeemable.id}' was sent twice."
            raise InvalidInput(message, field=field, key="duplicate_redeemables")
        seen.add(redeemable.id)
    check_name(request.channel, "channel")
    check_name(request.tracking_id, "tracking_id")
    check_name(request.payment_method, "payment_method")
    check_metadata(request.metadata, "metadata")
    if request.session is not None:
        check_session(request.session)
    if request.order_already_discounted and not isinstance(request.order, str):
        message = "Only a stored order, named by its id, can have had its discounts already."
        raise InvalidInput(message, field="order")


def check_rules(request: CheckoutRequest, rules: StackingRules) -> None:
    """Raise InvalidInput (too_many_redeemables) for more than the project lets in at once."""
    _check_count(request, rules.max_sent)


def _check_count(request: CheckoutRequest, most: int) -> None:
    sent = len(request.redeemables)
    if sent > most:
        message = f"At most {most} redeemables can be sent at once; {sent} were."
        raise InvalidInput(message, field="redeemables", key="too_many_redeemables")
