"""How likely two records are one person: Fellegi and Sunter's model, by splink on DuckDB.

I. P. Fellegi, A. B. Sunter, "A Theory for Record Linkage", JASA 64 (1969); R. Linacre et al.,
"Splink", IJPDS 7 (2022). docs/algorithms/duplicates.md says how the figures were chosen.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import phonenumbers
import pyarrow as pa
import splink
import splink.comparison_level_library as levels
import splink.comparison_library as comparisons
from splink.internals.comparison_level_creator import ComparisonLevelCreator

from kaquan.customers.cleaning import match_email
from kaquan.customers.duplicates.model import Likely, Likeness, PersonRecord

_EXPECTED_SHARE = 0.02
_NAME_KEY = re.compile(r"[\W_]+")

# By comparison: the likeness that each level stands for, from the best to the one of all others.
_LEVELS: dict[str, tuple[Likeness | None, ...]] = {
    "name": (Likeness.NAME, Likeness.ALIKE_NAME, Likeness.ALIKE_NAME, None),
    "email": (Likeness.EMAIL, Likeness.EMAIL_USER, None),
    "contact": (Likeness.PHONE, Likeness.ADDRESS, Likeness.POSTAL_CODE, None),
    "birth_date": (Likeness.BIRTH_DATE, Likeness.ALIKE_BIRTH_DATE, None),
}
_GUESSES = {
    "name": 1e-4,
    "email": 1e-6,
    "email_user": 1e-5,
    "phone": 1e-5,
    "address": 1e-4,
    "postal_code": 1e-2,
    "birth_date": 5e-5,
}
_GUESSED_PAIRS = 20_000
_BLOCKS = (
    ("phone",),
    ("email",),
    ("email_user", "birth_date"),
    ("name", "birth_date"),
    ("name", "postal_code"),
    ("name", "address"),
    ("birth_date", "postal_code"),
    ("name_head", "birth_date"),
)


def score_pairs(records: Sequence[PersonRecord], *, least_ppm: int) -> list[Likely]:
    """Return the pairs of records whose likelihood reaches ``least_ppm``, in no order."""
    connection = duckdb.connect(config={"threads": 2, "memory_limit": "768MB"})
    try:
        return _predict(connection, _table(records), least_ppm)
    finally:
        connection.close()


def _predict(
    connection: duckdb.DuckDBPyConnection, table: pa.Table, least_ppm: int
) -> list[Likely]:
    backend = splink.DuckDBAPI(connection)
    frame = backend.register(table, table_name="people")
    linker = splink.Linker(frame, _settings(table), log_level=40)
    found = linker.inference.predict(threshold_match_probability=least_ppm / 1_000_000)
    names = ", ".join(f"gamma_{name}" for name in _LEVELS)
    query = (
        f"select unique_id_l, unique_id_r, match_probability, {names} from {found.physical_name}"
    )
    return [_likely(row) for row in connection.execute(query).fetchall()]


def _likely(row: tuple[Any, ...]) -> Likely:
    first, second = sorted((row[0], row[1]))
    return Likely(
        first_id=first,
        second_id=second,
        score_ppm=min(999_998, int(row[2] * 1_000_000)),
        reasons=tuple(_reasons(row[3:])),
    )


def _reasons(gammas: Sequence[int]) -> Iterator[Likeness]:
    for likenesses, gamma in zip(_LEVELS.values(), gammas, strict=True):
        # splink counts levels from the last; -1 is one where a value is missing.
        reason = likenesses[len(likenesses) - 1 - gamma] if gamma >= 0 else None
        if reason is not None:
            yield reason


def _settings(table: pa.Table) -> splink.SettingsCreator:
    """The model: how often each level holds for one person (m) and for two strangers (u).

    Phone, address and postal code are one comparison: families share all of them at once. The
    prior says that of a hundred people two are entered twice.
    """
    count = table.num_rows
    rare = {name: _share_alike(table, name, guess) for name, guess in _GUESSES.items()}
    return splink.SettingsCreator(
        link_type="dedupe_only",
        probability_two_random_records_match=min(0.5, 2 * _EXPECTED_SHARE / count),
        blocking_rules_to_generate_predictions=[splink.block_on(*names) for names in _BLOCKS],
        comparisons=[
            comparisons.CustomComparison(
                output_column_name="name",
                comparison_levels=[
                    levels.NullLevel("name"),
                    _level(levels.ExactMatchLevel("name"), 0.70, rare["name"]),
                    _level(levels.JaroWinklerLevel("name", 0.92), 0.15, 0.002),
                    _level(levels.JaroWinklerLevel("name", 0.82), 0.07, 0.015),
                    _level(levels.ElseLevel(), 0.08, 0.983 - rare["name"]),
                ],
            ),
            comparisons.CustomComparison(
                output_column_name="email",
                comparison_levels=[
                    levels.NullLevel("email"),
                    _level(levels.ExactMatchLevel("email"), 0.65, rare["email"]),
                    _level(levels.ExactMatchLevel("email_user"), 0.10, rare["email_user"]),
                    _level(levels.ElseLevel(), 0.25, 1 - rare["email"] - rare["email_user"]),
                ],
            ),
            comparisons.CustomComparison(
                output_column_name="contact",
                comparison_levels=[
                    levels.And(levels.NullLevel("phone"), levels.NullLevel("address")),
                    _level(levels.ExactMatchLevel("phone"), 0.60, rare["phone"]),
                    _level(levels.ExactMatchLevel("address"), 0.15, rare["address"]),
                    _level(levels.ExactMatchLevel("postal_code"), 0.10, rare["postal_code"]),
                    _level(
                        levels.ElseLevel(),
                        0.15,
                        1 - rare["phone"] - rare["address"] - rare["postal_code"],
                    ),
                ],
            ),
            comparisons.CustomComparison(
                output_column_name="birth_date",
                comparison_levels=[
                    levels.NullLevel("birth_date"),
                    _level(levels.ExactMatchLevel("birth_date"), 0.90, rare["birth_date"]),
                    _level(levels.DamerauLevenshteinLevel("birth_date", 1), 0.06, 0.002),
                    _level(levels.ElseLevel(), 0.04, 0.998 - rare["birth_date"]),
                ],
            ),
        ],
        retain_intermediate_calculation_columns=True,
    )


def _level(
    level: ComparisonLevelCreator, same_person: float, strangers: float
) -> ComparisonLevelCreator:
    return level.configure(m_probability=same_person, u_probability=max(strangers, 1e-9))


def _share_alike(table: pa.Table, name: str, guess: float) -> float:
    """How often two records have the same value: counted, the guess counting as _GUESSED_PAIRS.

    In a small base the duplicates themselves would make any value look common.
    """
    counts = Counter(value for value in table[name].to_pylist() if value is not None).values()
    alike = sum(count * (count - 1) // 2 for count in counts)
    total = sum(counts)
    pairs = total * (total - 1) // 2
    return min(0.5, (alike + guess * _GUESSED_PAIRS) / (pairs + _GUESSED_PAIRS))


def _table(records: Sequence[PersonRecord]) -> pa.Table:
    emails = [None if one.email is None else match_email(one.email) for one in records]
    # Family name first or last: the parts of a name have no order here.
    keys = [_key(one.name) for one in records]
    names = [None if name is None else " ".join(sorted(name.split())) for name in keys]
    columns: dict[str, list[Any]] = {
        "unique_id": [one.id for one in records],
        "name": names,
        "name_head": [None if name is None else name[:3] for name in names],
        "email": emails,
        "email_user": [None if one is None else one.partition("@")[0] for one in emails],
        "phone": [_digits(one.phone) for one in records],
        "birth_date": [
            None if one.birth_date is None else one.birth_date.isoformat() for one in records
        ],
        "postal_code": [_key(one.postal_code) for one in records],
        "address": [_key(one.address_line) for one in records],
    }
    kinds = {name: pa.string() for name in columns}
    return pa.table({name: pa.array(values, kinds[name]) for name, values in columns.items()})


def _key(text: str | None) -> str | None:
    """A text with nothing but its letters and digits, in small letters; None without any."""
    plain = None if text is None else _NAME_KEY.sub(" ", text.casefold()).strip()
    return plain or None


def _digits(phone: str | None) -> str | None:
    return None if phone is None else phonenumbers.normalize_digits_only(phone) or None
