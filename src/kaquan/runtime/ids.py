"""Identifiers: a prefix that names the kind, then 20 characters that sort by time of creation."""

import os
import time

_ALPHABET = "0123456789abcdefghijklmnopqrstuv"
_BY_LOW_BITS = bytes(ord(_ALPHABET[byte & 31]) for byte in range(256))
_MOMENT_CHARACTERS, _NOISE_CHARACTERS = 9, 10


def new_id(prefix: str) -> str:
    """Return a fresh identifier such as ``v_`` + 20 base-32 characters.

    48 bits are the Unix time in milliseconds, 52 bits are from the system's random source; a
    primary key decides in the end, so a collision is an error and never a mix-up.
    """
    return new_ids(prefix, 1)[0]


def new_ids(prefix: str, count: int) -> list[str]:
    """Return ``count`` fresh identifiers (see :func:`new_id`), in no particular order."""
    moment = time.time_ns() // 1_000_000
    start = f"{prefix}_{_encode(moment >> 3)}"
    # The tenth character holds the last three bits of the time and the first two of the noise.
    joints = _ALPHABET[(moment & 7) << 2 :][:4]
    seams = os.urandom(count)
    noise = os.urandom(_NOISE_CHARACTERS * count).translate(_BY_LOW_BITS).decode("ascii")
    return [
        f"{start}{joints[seam & 3]}{noise[at : at + _NOISE_CHARACTERS]}"
        for seam, at in zip(
            seams, range(0, _NOISE_CHARACTERS * count, _NOISE_CHARACTERS), strict=True
        )
    ]


def _encode(number: int) -> str:
    characters: list[str] = []
    for _ in range(_MOMENT_CHARACTERS):
        characters.append(_ALPHABET[number & 31])
        number >>= 5
    return "".join(reversed(characters))
