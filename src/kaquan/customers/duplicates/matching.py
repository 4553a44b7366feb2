"""Which records are likely to be one person: by what identifies people, or by a model."""

from collections.abc import Iterator, Sequence

from kaquan.customers.duplicates.model import Likely, Likeness, PersonRecord

LEAST_PPM = 800_000
"""Pairs below this are not proposed: reading them would cost people more than it finds."""

_LARGEST_BLOCK = 50


def find_likely(records: Sequence[PersonRecord], *, least_ppm: int = LEAST_PPM) -> list[Likely]:
    """Return the pairs of records whose likelihood reaches ``least_ppm``, the likeliest first.

    A proven or claimed identity in common is certain (999,999), whatever else differs. The same
    records give the same pairs.
    """
    # The model's libraries take a second to load, and few processes ever search.
    from kaquan.customers.duplicates.scoring import score_pairs

    certain = dict(_same_identities(records))
    scored = score_pairs(records, least_ppm=LEAST_PPM // 2) if len(records) > 1 else []
    merged = {(one.first_id, one.second_id): one for one in scored if one.score_ppm >= least_ppm}
    for pair in certain:
        known = merged.get(pair)
        merged[pair] = Likely(
            first_id=pair[0],
            second_id=pair[1],
            score_ppm=999_999,
            reasons=(Likeness.IDENTITY, *(() if known is None else known.reasons)),
        )
    return sorted(merged.values(), key=lambda one: (-one.score_ppm, one.first_id, one.second_id))


def _same_identities(records: Sequence[PersonRecord]) -> Iterator[tuple[tuple[str, str], None]]:
    owners: dict[str, list[str]] = {}
    for record in records:
        for identity in record.identities:
            owners.setdefault(identity, []).append(record.id)
    for ids in owners.values():
        # A device in a shop's window is no person: what many share says nothing.
        if len(ids) <= _LARGEST_BLOCK:
            for place, first in enumerate(ids):
                for second in ids[place + 1 :]:
                    low, high = sorted((first, second))
                    yield (low, high), None
