"""Where a person is mentioned: in files, posts and rules that only their words lead to."""

import json
import re
import zipfile
import zlib
from collections.abc import Iterable
from typing import IO, Any, cast

import phonenumbers

from kaquan.customers.cleaning import clean_name
from kaquan.customers.model import Customer

ERASED = "erased"
"""What stands where a value was that told who somebody is."""

LONGEST_MENTION = 1_024
"""Bytes that a mention takes at most; parts of a file overlap by so many."""

ARCHIVE = b"PK\x03\x04"
SEALED_SHUT = (b"PAR1", b"\x1f\x8b")
"""How files begin that cannot be looked through as they stand: Parquet, gzip."""

_BLOCK = 2**18
_MOST_UNPACKED = 2**32
_SHORTEST_ANYWHERE = 7
_SHORTEST_NUMBER = 5
"""A merchant's id of fewer digits stands for quantities and much else, too."""

_BETWEEN_DIGITS = r"[ ().\-]{0,3}"
_PUNCTUATION = b" ().-"
_WORD = ("(?<![0-9A-Za-z])", "(?![0-9A-Za-z])")
"""What stands around a value that is not part of a longer number or word."""

_ENDS = r",;:|\t\r\n\"'\[\]{}<>"
_CELL = (f"(?<![^{_ENDS}])", f"(?![^{_ENDS}])")
"""What stands around all of a cell of CSV, or of a value in JSON."""

_NARROW = ("utf-8", "gb18030")
_WIDE = ("utf-16-le", "utf-16-be")


class Mentions:
    """Finds a person's values. Long ones anywhere; names and short ones only as a whole cell."""

    def __init__(self, people: Iterable[Customer], further: Iterable[str]) -> None:
        """Look for people's ids, names, e-mail addresses and phone numbers, and ``further`` values."""
        anywhere: set[str] = set()
        cells: set[str] = set()
        phones: set[str] = set()
        for one in people:
            anywhere |= {value for value in (one.id, one.email) if value}
            cells |= {clean_name(one.name)} if one.name else set()
            phones |= {one.phone} if one.phone else set()
            further = [*further, *([one.source_id] if one.source_id else [])]
        for value in further:
            if len(value) >= _SHORTEST_ANYWHERE:
                anywhere.add(value)
            elif not value.isdigit() or len(value) >= _SHORTEST_NUMBER:
                cells.add(value)
        self._numbers = [digits for phone in sorted(phones) if (digits := _digits_of(phone))]
        patterns = [_dialled(digits).encode() for digits in self._numbers]
        self._literals: set[bytes] = set()
        for bounds, values in ((_WORD, anywhere), (_CELL, cells)):
            for value in sorted(values):
                forms = _forms(value)
                self._literals |= {form.lower() for form in forms}
                patterns += [_bounded(form, bounds) for form in forms]
        # Between bytes of UTF-16 the neighbours of a word would have to be looked at in pairs.
        wide = [value.encode(encoding) for value in anywhere for encoding in _WIDE]
        self._literals |= {form.lower() for form in wide}
        self._bytes = re.compile(b"|".join([*patterns, *map(re.escape, wide)]), re.IGNORECASE)

    def in_bytes(self, content: bytes) -> bool:
        """Whether the bytes of a post, or of part of a file, mention the person."""
        # Looking for literals is a hundred times as fast, and nearly always the end of it.
        lowered = content.lower()
        dialled = lowered.translate(None, _PUNCTUATION)
        return (
            any(one in lowered for one in self._literals)
            or any(digits.encode() in dialled for digits in self._numbers)
        ) and self._bytes.search(content) is not None

    def in_archive(self, packed: IO[bytes]) -> bool:
        """Whether a ZIP file, such as a workbook, mentions the person; one that is broken may."""
        unpacked = 0
        try:
            with zipfile.ZipFile(packed) as archive:
                for member in archive.infolist():
                    with archive.open(member) as content:
                        kept = b""
                        while block := content.read(_BLOCK):
                            unpacked += len(block)
                            kept = kept[-LONGEST_MENTION:] + block
                            if unpacked > _MOST_UNPACKED or self.in_bytes(kept):
                                return True
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError):
            return True
        return False

    def in_text(self, text: str) -> bool:
        """Whether a text mentions the person."""
        return self.in_bytes(text.encode())

    def scrub(self, value: Any) -> Any:
        """Return a JSON value with ``erased`` in the place of texts that mention the person."""
        if isinstance(value, str):
            return ERASED if self.in_text(value) else value
        if isinstance(value, dict):
            members = cast("dict[str, Any]", value)
            return {name: self.scrub(member) for name, member in members.items()}
        if isinstance(value, list):
            return [self.scrub(item) for item in cast("list[Any]", value)]
        return value


def _digits_of(phone: str) -> str | None:
    """The digits of a number without its country's prefix; None for one too short to tell."""
    try:
        digits = str(phonenumbers.parse(phone).national_number)
    except phonenumbers.NumberParseException:
        digits = re.sub(r"[^0-9]", "", phone)
    return digits if len(digits) >= _SHORTEST_ANYWHERE else None


def _dialled(digits: str) -> str:
    """A pattern of a number as people write it, with and without its country's prefix."""
    # Bounded everywhere: the time that a search takes must not depend on what is searched.
    country = rf"(?<![0-9])(?:[0-9]{{1,3}}{_BETWEEN_DIGITS})?"
    return rf"{country}0?{_BETWEEN_DIGITS}{_BETWEEN_DIGITS.join(digits)}(?![0-9])"


def _forms(value: str) -> set[bytes]:
    """A value as it stands in files: in their encodings, and escaped as in JSON."""
    return {value.encode(encoding) for encoding in _NARROW} | {json.dumps(value)[1:-1].encode()}


def _bounded(form: bytes, bounds: tuple[str, str]) -> bytes:
    return bounds[0].encode() + re.escape(form) + bounds[1].encode()
