"""Identifiers: a prefix that names the kind, then 20 characters that sort by time of creation."""

import os
import time

_ALPHABET = "0123456789abcdefghijklmnopqrstuv"
_RANDOM_BITS = 52
_CHARACTERS = 20


def new_id(prefix: str) -> str:
    """Return a fresh identifier such as ``v_`` + 20 base-32 characters.

    48 bits are the Unix time in milliseconds, 52 bits are from the system's random source; a
    primary key decides in the end, so a collision is an error and never a mix-up.
    """
    return new_ids(prefix, 1)[0]


def new_ids(prefix: str, count: int) -> list[str]:
    """Return ``count`` fresh identifiers (see :func:`new_id`), in no particular order."""
    base = time.time_ns() // 1_000_000 << _RANDOM_BITS
    noise = os.urandom(7 * count)
    return [
        f"{prefix}_{_encode(base | int.from_bytes(noise[at : at + 7], 'big') >> 4)}"
        for at in range(0, 7 * count, 7)
    ]


def _encode(number: int) -> str:
    characters: list[str] = []
    for _ in range(_CHARACTERS):
        characters.append(_ALPHABET[number & 31])
        number >>= 5
    return "".join(reversed(characters))
