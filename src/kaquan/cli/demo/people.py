"""Made-up people: who the demo's households are, and who is entered a second time.

The data has numbers of households and nothing that identifies anybody. Names are put together from
syllables, phone numbers are of the range that is kept for fiction (555-0100 to 555-0199), postal
codes are of a range that is not in use, and e-mail addresses are at example.com. Each household is
drawn by its number alone, so its people are the same in every demo and in the benchmark of
duplicates.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from enum import StrEnum
from random import Random
from typing import Any

import msgspec
from msgspec import structs

from kaquan.customers import PersonRecord

_STARTS = ("Al", "Be", "Car", "Dan", "El", "Fe", "Gra", "Han", "Ir", "Jo", "Ka", "Li", "Mar", "Ni")
_ENDS = ("a", "ana", "bert", "da", "en", "ia", "ina", "is", "la", "lo", "mo", "na", "ra", "ton")
_FAMILIES = ("son", "man", "berg", "ez", "ski", "ova", "field", "er", "ley", "ford", "ino", "sen")
_HOSTS = ("example.com", "example.org", "example.net")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_AREAS = (
    "201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 224 225 228 229 231 234"
    " 239 240 248 251 252 253 254 256 260 262 267 269 270 276 281 301 302 303 304 305 307 308 309"
    " 310 312 313 314 315 316 317 318 319 320 321 323 325 330 331 334 336 337 339 347 351 352 360"
    " 361 386 401 402 404 405 406 407 408 409 410 412 413 414 415 417 419 423 424 425 430 432 434"
    " 435 440 443 469 478 479 480 484 501 502 503 504 505 507 508 509 510 512 513 515 516 517 518"
    " 520 530 540 541 551 559 561 562 563 567 570 571 573 574 580 585 586"
)
"""Area codes in use, four characters each."""
_FORMATS = ("+1{}{}{}", "({}) {}-{}", "{}-{}-{}", "1 {} {} {}", "{}.{}.{}")
_BLOCK = 3_000
"""Phone numbers of a kind, such as those of second members, begin so far after the last kind's."""
_AGES = {
    "19-24": (19, 24),
    "25-34": (25, 34),
    "35-44": (35, 44),
    "45-54": (45, 54),
    "55-64": (55, 64),
    "65+": (65, 85),
}
_GENERATION = timedelta(days=30 * 365)
_TWICE, _RELATIVE, _NAMESAKE, _JUNIOR = 1 / 16, 1 / 32, 1 / 64, 1 / 128


class Entry(StrEnum):
    """Who somebody is who was entered beside a household: the same person, or who merely seems so.

    A relative has family name, address and often the phone in common, a namesake the name alone, a
    junior the name, the address and the phone, but was born thirty years later, or earlier.
    """

    SECOND_RECORD = "second_record"
    RELATIVE = "relative"
    NAMESAKE = "namesake"
    JUNIOR = "junior"


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody entered beside household ``number``, as they were typed."""

    number: int
    entry: Entry
    person: PersonRecord


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """How many pairs a search found, how many of them are right, and how many there are."""

    pairs: int
    right: int
    known: int

    @property
    def precision(self) -> float | None:
        """Share of the found pairs that are right; None when none was found."""
        return self.right / self.pairs if self.pairs else None

    @property
    def recall(self) -> float | None:
        """Share of the known pairs that were found; None when there are none."""
        return self.right / self.known if self.known else None


def make_up_household(number: int) -> list[PersonRecord]:
    """Return the one to three people of a household (below 3,000), who share what families share.

    They are sound as to form: phone numbers are written as E.164. The first has an e-mail address.
    """
    chance = Random(f"people/{number}")  # noqa: S311 - made to be repeated
    family = chance.choice(_STARTS) + chance.choice(_FAMILIES)
    address = f"{chance.randrange(1, 400)} {chance.choice(_STARTS)}{chance.choice(_ENDS)} Street"
    postal_code = f"00{chance.randrange(100, 400)}"
    return [
        _member(
            chance,
            PersonRecord(
                id=f"{number}-{member}",
                name=family,
                email=None,
                phone=_phone(number),
                birth_date=None,
                postal_code=postal_code,
                address_line=address,
            ),
            place=(number, member),
        )
        for member in range(chance.choice((1, 1, 2, 2, 3)))
    ]


def make_up_head(number: int, age: str | None) -> PersonRecord:
    """Return the person as whom a household is known, of the age that the data says if it does."""
    head = make_up_household(number)[0]
    if age not in _AGES:
        return head
    youngest, oldest = _AGES[age]
    chance = Random(f"age/{number}")  # noqa: S311 - made to be repeated
    born = date(2017 - chance.randint(youngest, oldest), 1, 1)
    return structs.replace(head, birth_date=born + timedelta(days=chance.randrange(365)))


def enter_again(person: PersonRecord, number: int) -> PersonRecord:
    """Return the same person as typed a second time, with one to three things otherwise.

    Mistyped, swapped or shortened names, another or no e-mail address or phone, a former address, a
    birthday that is missing or a day off; the phone is written in one of five ways.
    """
    chance = Random(f"again/{person.id}")  # noqa: S311 - made to be repeated
    name = person.name or ""
    changes: list[dict[str, Any]] = [
        {"name": _mistype(chance, name)},
        {"name": " ".join(reversed(name.split()))},
        {"name": f"{name[:1]}. {name.split()[-1]}"},
        {"email": f"other{chance.randrange(100_000)}@{chance.choice(_HOSTS)}"},
        {"email": None},
        {"phone": None},
        {"phone": _phone(number, kind=3)},
        {"address_line": f"{chance.randrange(1, 400)} Former Road", "postal_code": "00999"},
        {"birth_date": None},
    ]
    if person.birth_date is not None:
        changes.append({"birth_date": person.birth_date + timedelta(days=chance.choice((-1, 1)))})
    # What is missing cannot go missing: a change that changes nothing is none.
    changes = [
        change
        for change in changes
        if any(getattr(person, field) != value for field, value in change.items())
    ]
    way = chance.choice(_FORMATS)
    changed = structs.replace(person, id=f"{person.id}-again", phone=_retype(person.phone, way))
    for change in chance.sample(changes, chance.choice((1, 2, 2, 3))):
        changed = structs.replace(changed, **change)
    return changed


def list_beside(heads: Iterable[tuple[int, PersonRecord]]) -> Iterator[Beside]:
    """Yield who is entered beside households, given by number and head: about one in sixteen a
    second time, and about one in twenty has somebody near who is another person.
    """
    for number, head in heads:
        chance = Random(f"beside/{number}")  # noqa: S311 - made to be repeated
        if chance.random() < _TWICE:
            again = enter_again(head, number)
            yield Beside(number=number, entry=Entry.SECOND_RECORD, person=again)
        place, others = chance.random(), make_up_household(number)[1:]
        if place < _RELATIVE and others:
            yield Beside(number=number, entry=Entry.RELATIVE, person=others[0])
        elif _RELATIVE <= place < _RELATIVE + _NAMESAKE:
            stranger = make_up_household(_BLOCK - 1 - number % 500)[0]
            namesake = structs.replace(
                stranger, name=head.name, email=None, phone=_phone(number, kind=2)
            )
            yield Beside(number=number, entry=Entry.NAMESAKE, person=namesake)
        elif _RELATIVE + _NAMESAKE <= place < _RELATIVE + _NAMESAKE + _JUNIOR:
            born = head.birth_date or date(1960, 5, 1)
            later = _GENERATION if born.year < 1970 else -_GENERATION
            junior = structs.replace(head, email=None, birth_date=born + later)
            yield Beside(number=number, entry=Entry.JUNIOR, person=junior)


def judge_pairs(found: Sequence[tuple[str, str]], truth: set[frozenset[str]]) -> Judged:
    """Compare what a search found with what is known."""
    right = sum(frozenset(pair) in truth for pair in found)
    return Judged(pairs=len(found), right=right, known=len(truth))


def _member(chance: Random, family: PersonRecord, *, place: tuple[int, int]) -> PersonRecord:
    number, member = place
    given = chance.choice(_STARTS) + chance.choice(_ENDS)
    user = f"{given}.{family.name}{chance.randrange(100)}".lower()
    mailed = chance.random() < 0.8 or not member
    calls_home = not member or chance.random() < 0.5
    born = date(1940, 1, 1) + timedelta(days=chance.randrange(24_000))
    return structs.replace(
        family,
        name=f"{given} {family.name}",
        email=f"{user}@{chance.choice(_HOSTS)}" if mailed else None,
        phone=family.phone if calls_home else _phone(number, kind=member),
        birth_date=born if chance.random() < 0.7 else None,
    )


def _phone(number: int, *, kind: int = 0) -> str:
    area, line = divmod(kind * _BLOCK + number, 100)
    return f"+1{_AREAS[4 * area : 4 * area + 3]}55501{line:02}"


def _retype(phone: str | None, way: str) -> str | None:
    return None if phone is None else way.format(phone[2:5], phone[5:8], phone[8:])


def _mistype(chance: Random, name: str) -> str:
    place = chance.randrange(1, len(name) - 1)
    return name[:place] + chance.choice(_LETTERS) + name[place + chance.randrange(2) :]
