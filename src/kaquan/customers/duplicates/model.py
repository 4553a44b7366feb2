"""The nouns of duplicate detection."""

from datetime import date, datetime
from enum import StrEnum

import msgspec


class PairState(StrEnum):
    """What was decided about a pair."""

    OPEN = "open"
    MERGED = "merged"
    REJECTED = "rejected"


class Likeness(StrEnum):
    """Why two people may be one: what of them is the same or alike."""

    IDENTITY = "same_identity"
    PHONE = "same_phone"
    EMAIL = "same_email"
    EMAIL_USER = "same_email_user"
    NAME = "same_name"
    ALIKE_NAME = "alike_name"
    BIRTH_DATE = "same_birth_date"
    ALIKE_BIRTH_DATE = "alike_birth_date"
    ADDRESS = "same_address"
    POSTAL_CODE = "same_postal_code"


class PersonRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What of a customer is compared with others; ``identities`` are 'kind:value'."""

    id: str
    name: str | None
    email: str | None
    phone: str | None
    birth_date: date | None
    postal_code: str | None
    address_line: str | None
    identities: tuple[str, ...] = ()


class Likely(msgspec.Struct, frozen=True, kw_only=True):
    """Two people (``first_id`` below ``second_id``) with the likelihood that they are one.

    The score is in millionths.
    """

    first_id: str
    second_id: str
    score_ppm: int
    reasons: tuple[Likeness, ...]


class DuplicatePair(msgspec.Struct, frozen=True, kw_only=True):
    """A likely pair in the review queue, and what was decided about it."""

    first_id: str
    second_id: str
    score_ppm: int
    reasons: tuple[Likeness, ...]
    state: PairState
    found_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    merge_id: str | None


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a bulk decision: pairs decided, and pairs that were not open any more."""

    decided: int
    passed_over: int
