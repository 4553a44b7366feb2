"""How well and how fast people who are entered twice are found, on known duplicates.

The demo's 2,469 households get people, one to three each, who share address, postal code and
often the phone: relatives are what a search must not take for one person. Every eighth person is
entered twice, the second time as tills and forms do it: a mistyped or reordered name, another
e-mail address, a missing phone, an old address, a mistyped birthday. Printed for the likelihood
from which pairs are proposed and for the one of bulk acceptance: precision (how many of the found
pairs are true), recall (how many of the true ones are found), and seconds. One line of JSON.
"""

import json
import random
import time
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from msgspec import structs

from benchmarks.sizes import QUICK
from kaquan.customers import PersonRecord, find_likely

HOUSEHOLDS = 300 if QUICK else 2_469
PROPOSED_PPM, SURE_PPM = 800_000, 990_000
_STARTS = ("Al", "Be", "Car", "Dan", "El", "Fe", "Gra", "Han", "Ir", "Jo", "Ka", "Li", "Mar", "Ni")
_ENDS = ("a", "ana", "bert", "da", "en", "ia", "ina", "is", "la", "lo", "mo", "na", "ra", "ton")
_FAMILIES = ("son", "man", "berg", "ez", "ski", "ova", "field", "er", "ley", "ford", "ino", "sen")
_HOSTS = ("mail.example", "post.example", "web.example", "gmail.com")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def main() -> None:
    """Run and print."""
    records, truth = enter_people(random.Random(20260301))
    started = time.perf_counter()
    found = find_likely(records, least_ppm=PROPOSED_PPM)
    seconds = time.perf_counter() - started
    report = {
        name: _judge(
            {(one.first_id, one.second_id) for one in found if one.score_ppm >= ppm}, truth
        )
        for name, ppm in (("proposed", PROPOSED_PPM), ("sure", SURE_PPM))
    }
    print(
        json.dumps(
            {
                "name": "duplicates",
                "records": len(records),
                "known_duplicates": len(truth),
                **report,
                "seconds": round(seconds, 2),
            }
        )
    )


def enter_people(chance: random.Random) -> tuple[list[PersonRecord], set[tuple[str, str]]]:
    """Return records in no order, and which pairs of them are one person."""
    people = [one for number in range(HOUSEHOLDS) for one in _household(chance, number)]
    twice = people[::8]
    copies = [_again(chance, one) for one in twice]
    truth = {_pair(one.id, copy.id) for one, copy in zip(twice, copies, strict=True)}
    records = people + copies
    chance.shuffle(records)
    return records, truth


def _household(chance: random.Random, number: int) -> Iterator[PersonRecord]:
    family = chance.choice(_STARTS) + chance.choice(_FAMILIES)
    phone = f"+1541{chance.randrange(2_000_000, 9_999_999)}"
    address = f"{chance.randrange(1, 400)} {chance.choice(_STARTS)}{chance.choice(_ENDS)} Street"
    postal_code = f"97{chance.randrange(100, 400)}"
    for member in range(chance.choice((1, 1, 2, 2, 3))):
        given = chance.choice(_STARTS) + chance.choice(_ENDS)
        user = f"{given}.{family}{chance.randrange(100)}".lower()
        own_phone = f"+1541{chance.randrange(2_000_000, 9_999_999)}"
        yield PersonRecord(
            id=f"p{number:05d}-{member}",
            name=f"{given} {family}",
            email=f"{user}@{chance.choice(_HOSTS)}" if chance.random() < 0.8 else None,
            phone=phone if member and chance.random() < 0.5 else own_phone if member else phone,
            birth_date=date(1940, 1, 1) + timedelta(days=chance.randrange(24_000))
            if chance.random() < 0.7
            else None,
            postal_code=postal_code,
            address_line=address,
        )


def _again(chance: random.Random, person: PersonRecord) -> PersonRecord:
    """The same person, entered a second time with one to three things otherwise."""
    changes: list[dict[str, Any]] = [
        {"name": _mistype(chance, person.name or "")},
        {"name": " ".join(reversed((person.name or "").split()))},
        {"name": f"{(person.name or ' ')[0]}. {(person.name or ' ').split()[-1]}"},
        {"email": f"other{chance.randrange(100_000)}@{chance.choice(_HOSTS)}"},
        {"email": None},
        {"phone": None},
        {"phone": f"+1541{chance.randrange(2_000_000, 9_999_999)}"},
        {"address_line": f"{chance.randrange(1, 400)} Former Road", "postal_code": "97999"},
        {"birth_date": None},
    ]
    if person.birth_date is not None:
        changes.append({"birth_date": person.birth_date + timedelta(days=chance.choice((-1, 1)))})
    changed = structs.replace(person, id=f"{person.id}-again")
    for change in chance.sample(changes, chance.choice((1, 2, 2, 3))):
        changed = structs.replace(changed, **change)
    return changed


def _mistype(chance: random.Random, name: str) -> str:
    place = chance.randrange(1, len(name) - 1)
    return name[:place] + chance.choice(_LETTERS) + name[place + chance.randrange(2) :]


def _judge(found: set[tuple[str, str]], truth: set[tuple[str, str]]) -> dict[str, Any]:
    right = len(found & truth)
    return {
        "pairs": len(found),
        "precision": round(right / len(found), 4) if found else None,
        "recall": round(right / len(truth), 4),
    }


def _pair(first: str, second: str) -> tuple[str, str]:
    return (first, second) if first < second else (second, first)


if __name__ == "__main__":
    main()
