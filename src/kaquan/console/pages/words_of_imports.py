"""What is said about imports; every text is a catalogue key."""

from __future__ import annotations

from collections.abc import Mapping

from kaquan.console.language import N_
from kaquan.customers import Subject

SUBJECTS: Mapping[Subject, str] = {
    Subject.CUSTOMERS: N_("Customers"),
    Subject.ORDERS: N_("Orders with lines"),
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


def label_of(subject: Subject, field: str) -> str:
    """What a field is called."""
    if subject is Subject.EVENTS and field in ("name", "source_id"):
        return _EVENT_NAME if field == "name" else _EVENT_ID
    return FIELD_NAMES.get(field, field)
