"""Codes: random characters from the system's source, in a space too large to guess in.

docs/algorithms/codes.md has the rules with worked examples.
"""

import math
import os
from datetime import timedelta

import msgspec
import numpy as np
from numpy.typing import NDArray

from kaquan.campaigns.model import READABLE, CodeConfig
from kaquan.runtime import InvalidInput, check_whole_number

RANDOM_MARK = "#"
SAFE_BITS = 64
"""A million codes, a year, a strong bot: the default length holds this much."""

LONGEST_CODE = 128
LARGEST_CHARSET = 128


class GuessingRisk(msgspec.Struct, frozen=True):
    """Against whom codes must hold: how fast, how long, and how many hits in all are accepted.

    The defaults are the rate at which failed look-ups of a project are cut off, a year, and one
    hit by somebody who guesses at that rate day and night.
    """

    guesses_per_second: float = 10
    valid_for: timedelta = timedelta(days=365)
    accepted_hits: float = 1


class CodeSpace(msgspec.Struct, frozen=True):
    """All codes of one shape: fixed ``pieces`` and, after each but the last, a random character.

    Two pieces with nothing between them are two random characters in a row. Of a space that is
    ``checked`` the last of these characters follows from the others.
    """

    pieces: tuple[str, ...]
    charset: str
    public: bool
    checked: bool = False

    @property
    def drawn_characters(self) -> int:
        """How many characters of a code stand between the pieces."""
        return len(self.pieces) - 1

    @property
    def random_characters(self) -> int:
        """How many characters of a code are random."""
        return self.drawn_characters - self.checked

    @property
    def size(self) -> int:
        """How many codes there are."""
        return len(self.charset) ** self.random_characters

    @property
    def bits(self) -> float:
        """The base-2 logarithm of the size."""
        return self.random_characters * math.log2(len(self.charset))


def code_space(config: CodeConfig) -> CodeSpace:
    """Read the shape of codes. Raises InvalidInput (``invalid_code_config``)."""
    charset = "".join(dict.fromkeys(READABLE if config.charset is None else config.charset))
    if not 2 <= len(charset) <= LARGEST_CHARSET:
        message = f"A charset needs 2 to {LARGEST_CHARSET} different characters."
        raise _bad_config(message, "charset")
    pattern = config.pattern
    if pattern is None:
        default = math.ceil(SAFE_BITS / math.log2(len(charset)))
        length = default if config.length is None else config.length
        check_whole_number(length, "code_config.length", least=1, most=LONGEST_CODE)
        pattern = RANDOM_MARK * length
    pieces: list[str] = list(pattern.split(RANDOM_MARK))
    if config.check:
        if len(pieces) == 1:
            raise _bad_config("A check character needs random ones before it.", "check")
        pieces.insert(len(pieces) - 1, "")
    pieces[0] = config.prefix + pieces[0]
    pieces[-1] += config.postfix
    space = CodeSpace(tuple(pieces), charset, config.public, config.check)
    written = "".join(pieces)
    if not 1 <= len(written) + space.drawn_characters <= LONGEST_CODE:
        message = f"A code has 1 to {LONGEST_CODE} characters in all."
        raise _bad_config(message, "pattern")
    for name, text in (("charset", charset), ("pattern", written)):
        if not text.isprintable() or any(letter.isspace() for letter in text):
            raise _bad_config("Codes hold neither blanks nor control characters.", name)
    return space


def needed_bits(live_codes: int, risk: GuessingRisk) -> float:
    """Return how large, in bits, the space of ``live_codes`` unguessable codes must be.

    log2(guesses a second times seconds valid times live codes over accepted expected hits).
    """
    guesses = risk.guesses_per_second * risk.valid_for.total_seconds()
    return math.log2(guesses * live_codes / risk.accepted_hits)


def room_for(space: CodeSpace, risk: GuessingRisk) -> int:
    """Return how many codes of the space may be live at once."""
    if space.public:
        # Beyond half full, fresh codes would be found ever more slowly.
        return max(1, space.size // 2)
    # 2**62 stands for more than can be counted.
    return int(2.0 ** min(space.bits - needed_bits(1, risk), 62))


def check_room(space: CodeSpace, live_codes: int, *, risk: GuessingRisk) -> None:
    """Raise InvalidInput (``code_space_too_small``) unless so many codes may be live."""
    if live_codes <= room_for(space, risk):
        return
    a_character = math.log2(len(space.charset))
    bits = math.log2(2 * live_codes) if space.public else needed_bits(live_codes, risk)
    needed = math.ceil(bits / a_character)
    message = (
        f"{live_codes} codes need at least {needed} random characters of these"
        f" {len(space.charset)} ({bits:.1f} bits); this shape has {space.random_characters}."
    )
    raise InvalidInput(message, field="code_config.length", key="code_space_too_small")


def draw_codes(space: CodeSpace, count: int) -> list[str]:
    """Return ``count`` different codes of a space that is known to have room for them."""
    found: dict[str, None] = {}
    while len(found) < count:
        found |= dict.fromkeys(_draw(space, count - len(found)))
    return list(found)


def _draw(space: CodeSpace, count: int) -> list[str]:
    """Lay codes out as the rows of a matrix of code points, one column a character."""
    width = sum(map(len, space.pieces)) + space.drawn_characters
    base = len(space.charset)
    drawn = _draw_digits(base, count * space.random_characters)
    digits = drawn.reshape(count, space.random_characters)
    if space.checked:
        digits = np.column_stack((digits, _check_digits(digits, base)))
    columns = _points(space.charset)[digits]
    matrix = np.empty((count, width), dtype=np.uint32)
    at = 0
    for index, piece in enumerate(space.pieces):
        matrix[:, at : at + len(piece)] = _points(piece)
        at += len(piece)
        if index < space.drawn_characters:
            matrix[:, at] = columns[:, index]
            at += 1
    codes: list[str] = matrix.view(f"<U{width}").ravel().tolist()
    return codes


def _check_digits(digits: NDArray[np.uint8], base: int) -> NDArray[np.uint8]:
    """The digit that makes each row's weighted sum divisible by the base.

    Every second digit, from the last one on, counts double: Luhn's formula (ISO/IEC 7812-1, annex
    B) modulo an even base, where a doubled digit of two places counts as their sum; modulo an odd
    base plainly, as doubling is one-to-one there. Any one wrong character is found, and any two
    neighbours that changed places, but for the first and the last character of an even charset.
    """
    weighed = digits.astype(np.int64)
    doubled = 2 * weighed[:, ::-2]
    weighed[:, ::-2] = doubled if base % 2 else doubled // base + doubled % base
    return (-weighed.sum(axis=1) % base).astype(np.uint8)


def _draw_digits(base: int, count: int) -> NDArray[np.uint8]:
    """Draw digits below the base uniformly: bytes that would favour some are thrown away."""
    limit = 256 - 256 % base
    drawn = np.empty(0, dtype=np.uint8)
    while len(drawn) < count:
        more = int((count - len(drawn)) * 256 / limit * 1.01) + 16
        fresh = np.frombuffer(os.urandom(more), dtype=np.uint8)
        drawn = np.concatenate((drawn, fresh[fresh < limit]))
    return (drawn[:count] % base).astype(np.uint8)


def _points(text: str) -> NDArray[np.uint32]:
    return np.array([ord(letter) for letter in text], dtype=np.uint32)


def _bad_config(message: str, name: str) -> InvalidInput:
    return InvalidInput(message, field=f"code_config.{name}", key="invalid_code_config")
