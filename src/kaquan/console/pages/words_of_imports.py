"""What is said about imports; every text is a catalogue key."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from kaquan.console.language import N_
from kaquan.customers import Subject

SUBJECTS: Mapping[Subject, str] = {
    Subject.CUSTOMERS: N_("Customers"),
    Subject.ORDERS: N_("Orders"),
    Subject.PRODUCTS: N_("Products"),
    Subject.LOCATIONS: N_("Stores"),
    Subject.EVENTS: N_("Events"),
}
FIELD_NAMES: Mapping[str, str] = {
    "source_id": N_("Id"),
    "name": N_("Name"),
    "phone": N_("Phone"),
    "email": N_("E-mail"),
    "birth_date": N_("Birthday"),
    "created_at": N_("Created"),
    "description": N_("Description"),
    "address.line_1": N_("Address"),
    "address.line_2": N_("Address, second line"),
    "address.postal_code": N_("Postal code"),
    "address.city": N_("City"),
    "address.state": N_("Province"),
    "address.country": N_("Country"),
    "metadata": N_("Further fields (a JSON object)"),
    "price_minor": N_("Price"),
    "image_url": N_("Picture's address"),
    "attributes": N_("Attributes (a JSON object)"),
    "placed_at": N_("Time of the order"),
    "customer": N_("Customer's id"),
    "location": N_("Store's id"),
    "status": N_("Status"),
    "amount_minor": N_("Order's amount"),
    "discount_minor": N_("Order's discount"),
    "currency": N_("Currency"),
    "line.product": N_("Line: product's id"),
    "line.quantity": N_("Line: quantity"),
    "line.unit_price_minor": N_("Line: price"),
    "line.amount_minor": N_("Line: amount"),
    "line.discount_minor": N_("Line: discount"),
    "lines": N_("All lines (a JSON list)"),
    "at": N_("Time"),
}
_EVENT_NAME, _EVENT_ID = N_("Event"), N_("Event's id")
ENCODINGS: Mapping[str, str] = {"utf-8": "UTF-8", "utf-16": "UTF-16", "gb18030": "GBK / GB 18030"}
SEPARATORS: Mapping[str, str] = {
    ",": N_("comma"),
    ";": N_("semicolon"),
    "\t": N_("tab"),
    "|": N_("bar"),
}
_REASONS: tuple[tuple[str, str], ...] = (
    (r"This may not be missing\.", N_("This may not be missing.")),
    (r"'(?P<said>.*)' does not look like an e-mail .*", N_("“%(said)s” is no e-mail address.")),
    (r"'(?P<said>.*)' does not look like a phone .*", N_("“%(said)s” is no phone number.")),
    (r"This must be a date such as .*", N_("This must be a date such as 1990-05-31.")),
    (r"This birthday has no year\.", N_("This birthday has no year.")),
    (r"There is no such day.*", N_("There is no such day.")),
    (r"A date of birth lies between .*", N_("Nobody can have been born on this day.")),
    (r"This must be a time such as .*", N_("This must be a time such as 2026-05-31 18:30.")),
    (r"'(?P<said>.*)' is below zero.*", N_("“%(said)s” is below zero.")),
    (r"'(?P<said>.*)' is not an amount of money\.", N_("“%(said)s” is not an amount of money.")),
    (r"'(?P<said>.*)' has too many decimals.*", N_("“%(said)s” has too many decimals.")),
    (r"'(?P<said>.*)' is not a number of pieces.*", N_("“%(said)s” is not a number of pieces.")),
    (r"'(?P<said>.*)' is no status of orders.*", N_("“%(said)s” is no status of orders.")),
    (r"There is no customer '(?P<said>.*)'\.", N_("There is no customer “%(said)s”.")),
    (r"There is no location '(?P<said>.*)'\.", N_("There is no store “%(said)s”.")),
    (
        r"Another row of this order is refused \(line (?P<said>\d+)\)\.",
        N_("Line %(said)s of this order is refused."),
    ),
    (r"The rows of this order do not agree\.", N_("The rows of this order do not agree.")),
    (r"The row has .* fields, .*", N_("The row has not as many fields as there are columns.")),
    (
        r"A line's discount cannot be more than its amount\.",
        N_("The discount is more than the amount."),
    ),
    (r"The discounts cannot be more than .*", N_("The discount is more than the amount.")),
    (r"An order that is .* cannot become .*", N_("An order cannot go back to this status.")),
    (
        r"The order carries a discount; .*",
        N_("The order carries a coupon's discount, so its amounts stay."),
    ),
    (r"A line needs a price or an amount\.", N_("A line needs a price or an amount.")),
    (r"An order needs an amount or lines\.", N_("An order needs an amount or lines.")),
)


def label_of(subject: Subject, field: str) -> str:
    """What a field is called."""
    if subject is Subject.EVENTS and field in ("name", "source_id"):
        return _EVENT_NAME if field == "name" else _EVENT_ID
    return FIELD_NAMES.get(field, field)


def say_reason(reason: str, gettext: Callable[[str], str]) -> str:
    """A reason for refusing a row in the reader's language; one that is not known as it is."""
    for pattern, words in _REASONS:
        found = re.fullmatch(pattern, reason)
        if found is not None:
            return gettext(words) % found.groupdict() if found.groupdict() else gettext(words)
    return gettext(reason)
