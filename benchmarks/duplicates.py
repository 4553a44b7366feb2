"""How well and how fast people who are entered twice are found, on known duplicates.

The demo's 2,469 households get people, one to three each, who share address, postal code and
often the phone: relatives are what a search must not take for one person. Every eighth person is
entered twice, the second time as tills and forms do it: a mistyped or reordered name, another
e-mail address, a missing phone, an old address, a mistyped birthday. The people and their mistakes
are those of the demo. Printed for the likelihood from which pairs are proposed and for the one of
bulk acceptance: precision (how many of the found pairs are true), recall (how many of the true ones
are found), and seconds. One line of JSON.
"""

import json
import random
import time

from msgspec import structs

from benchmarks.sizes import QUICK
from kaquan.cli.demo import SURE_PPM, enter_again, judge_pairs, make_up_household
from kaquan.customers import PersonRecord, clean_phone, find_likely

HOUSEHOLDS = 300 if QUICK else 2_469
PROPOSED_PPM = 800_000


def main() -> None:
    """Run and print."""
    records, truth = enter_people(random.Random(20260301))
    started = time.perf_counter()
    found = find_likely(records, least_ppm=PROPOSED_PPM)
    seconds = time.perf_counter() - started
    judged = {
        name: judge_pairs(
            [(one.first_id, one.second_id) for one in found if one.score_ppm >= ppm], truth
        )
        for name, ppm in (("proposed", PROPOSED_PPM), ("sure", SURE_PPM))
    }
    print(
        json.dumps(
            {
                "name": "duplicates",
                "records": len(records),
                "known_duplicates": len(truth),
                **{
                    name: {
                        "pairs": one.pairs,
                        "precision": _rounded(one.precision),
                        "recall": _rounded(one.recall),
                    }
                    for name, one in judged.items()
                },
                "seconds": round(seconds, 2),
            }
        )
    )


def enter_people(chance: random.Random) -> tuple[list[PersonRecord], set[frozenset[str]]]:
    """Return records in no order, cleaned as on their way in, and which pairs are one person."""
    people = [(one, number) for number in range(HOUSEHOLDS) for one in make_up_household(number)]
    twice = people[::8]
    copies = [_clean(enter_again(one, number)) for one, number in twice]
    truth = {frozenset((one.id, copy.id)) for (one, _), copy in zip(twice, copies, strict=True)}
    records = [one for one, _ in people] + copies
    chance.shuffle(records)
    return records, truth


def _clean(person: PersonRecord) -> PersonRecord:
    if person.phone is None:
        return person
    return structs.replace(person, phone=clean_phone(person.phone, country="US"))


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


if __name__ == "__main__":
    main()
