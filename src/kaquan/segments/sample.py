"""Percentage samples: a customer's place is the same on every engine, at every time."""

import hashlib
from decimal import ROUND_CEILING

from kaquan.segments.model import Sample

_DIGITS = 32
_RANGE = 16**_DIGITS


def sample_bounds(sample: Sample) -> tuple[str | None, str | None]:
    """Return from which MD5, in hexadecimal, to below which a sample reaches; None: no end.

    Digests of one length compare as texts as they do as numbers.
    """
    low, high = (
        int((end * _RANGE / 100).to_integral_value(ROUND_CEILING))
        for end in (sample.low, sample.high)
    )
    return (
        _hexadecimal(low) if low > 0 else None,
        _hexadecimal(high) if high < _RANGE else None,
    )


def sample_place(salt: str, customer_id: str) -> str:
    """Return a customer's place: the MD5 of ``salt:id`` in hexadecimal."""
    digest = hashlib.md5(f"{salt}:{customer_id}".encode(), usedforsecurity=False)
    return digest.hexdigest()


def _hexadecimal(number: int) -> str:
    # Nobody lies at or above the whole range; "g" sorts after every digit.
    return f"{number:0{_DIGITS}x}" if number < _RANGE else "g"
