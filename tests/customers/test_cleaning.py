"""What is said about a person, and what is stored of it."""

from datetime import date
from typing import Any

import pytest

from conftest import NOW
from kaquan.customers import (
    CustomerDraft,
    clean_draft,
    clean_email,
    clean_name,
    clean_phone,
    match_email,
    read_birth_date,
    upsert_customer,
)
from kaquan.runtime import InvalidInput, Tx

PHONES = [
    # said, country, stored
    ("138 0013 8000", "CN", "+8613800138000"),
    ("+86-138-0013-8000", None, "+8613800138000"),
    ("８６１３８００１３８０００", "CN", "+8613800138000"),
    ("010-62552888", "CN", "+861062552888"),
    ("(541) 754-3010", "US", "+15417543010"),
    ("+49 30 901820", "CN", "+4930901820"),
    # What cannot exist, or cannot be understood without a country, stays as it is.
    ("+1 933 222 3334", "CN", "+1 933 222 3334"),
    (" 12 ", "CN", "12"),
    ("754-3010 ext. 5", "US", "754-3010 ext. 5"),
    ("138 0013 8000", None, "138 0013 8000"),
]


@pytest.mark.parametrize(("said", "country", "stored"), PHONES)
def test_phones(said: str, country: str | None, stored: str) -> None:
    assert clean_phone(said, country=country) == stored


EMAILS = [
    ("Ann.Lee@Example.COM", "Ann.Lee@example.com"),
    (" mailto:ann@example.com ", "ann@example.com"),
    ("ａｎｎ＠ｅｘａｍｐｌｅ．ｃｏｍ", "ann@example.com"),
    ("\u200bann@example.com", "ann@example.com"),
    ("no address", "no address"),
]


@pytest.mark.parametrize(("said", "stored"), EMAILS)
def test_emails(said: str, stored: str) -> None:
    assert clean_email(said) == stored


def test_addresses_of_one_mailbox_match() -> None:
    same = ["An.Na+shop@gmail.com", "anna@googlemail.com", "ANNA@gmail.com"]
    assert {match_email(one) for one in same} == {"anna@gmail.com"}
    assert match_email("an.na@example.com") != match_email("anna@example.com")


NAMES = [
    ("  Ann   Lee ", "Ann Lee"),
    ("Ann\u3000Lee", "Ann Lee"),
    ("Rene\u0301", "René"),
    ("\u202eAnn\u200b", "Ann"),
    ("林晓 🧧", "林晓 🧧"),
    ("👩\u200d🚀", "👩\u200d🚀"),
]


@pytest.mark.parametrize(("said", "stored"), NAMES)
def test_names(said: str, stored: str) -> None:
    assert clean_name(said) == stored


BIRTHDAYS = [
    ("1990-05-31", date(1990, 5, 31)),
    ("1990/5/1", date(1990, 5, 1)),
    ("1990年5月31日", date(1990, 5, 31)),
    ("19900531", date(1990, 5, 31)),
    ("1990-05-31T00:00:00", date(1990, 5, 31)),
    ("33024", date(1990, 5, 31)),
    ("33024.0", date(1990, 5, 31)),
    ("61", date(1900, 3, 1)),
    ("0000-00-00", None),
    ("1990-00-00", None),
    ("0", None),
]


@pytest.mark.parametrize(("said", "stored"), BIRTHDAYS)
def test_birthdays(said: str, stored: date | None) -> None:
    assert read_birth_date(said, field="birthdate") == stored


@pytest.mark.parametrize("said", ["0000-05-31", "1990-02-30", "31.05.1990", "soon", "60"])
def test_birthdays_that_are_none_name_their_field(said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_birth_date(said, field="birthdate")
    assert refused.value.field == "birthdate"


def test_every_change_is_told() -> None:
    draft = CustomerDraft(
        name="Ann  Lee",
        email="ann@example.com",
        phone="138 0013 8000",
        address={"city": " 上海 ", "line_1": "南京路 1 号"},
    )
    cleaned = clean_draft(draft, country="CN")
    assert [(one.field, one.stored) for one in cleaned.changes] == [
        ("name", "Ann Lee"),
        ("phone", "+8613800138000"),
        ("address.city", "上海"),
    ]
    assert clean_draft(cleaned.draft, country="CN").changes == ()


@pytest.mark.parametrize(
    ("said", "stored"),
    [
        ({"phone": "13800138000"}, "+8613800138000"),
        ({"phone": "+1 541 754 3010"}, "+15417543010"),
        ({"phone": "+1 933 222 3334"}, "+1 933 222 3334"),
    ],
)
async def test_a_stored_phone_is_of_the_projects_country(
    tx: Tx, said: dict[str, Any], stored: str
) -> None:
    customer = await upsert_customer(tx, CustomerDraft(source_id="A", **said), now=NOW)
    assert customer.phone == stored
    # Said again as before, nothing is new.
    again = await upsert_customer(tx, CustomerDraft(source_id="A", **said), now=NOW)
    assert again.updated_at is None
