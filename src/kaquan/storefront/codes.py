"""Codes as they are typed or come from a hand scanner, and the picture that scanners read."""

from __future__ import annotations

import re
import unicodedata

import segno
from markupsafe import Markup

from kaquan.campaigns import Voucher, find_voucher
from kaquan.runtime import Tx

LONGEST_CODE = 255

# Scanners may put the symbology first (ISO/IEC 15424): `]Q1` for a QR code, `]C0` for Code 128.
_SYMBOLOGY = re.compile(r"^\][A-Za-z][0-9A-Za-z]")
_QUIET_ZONE = 4  # modules, ISO/IEC 18004


def read_code(text: str) -> str:
    """The code in what was typed or scanned, or '' when there is none.

    Blanks and the line end or tab of a scanner go, and so does a symbology identifier.
    """
    plain = "".join(
        character
        for character in text
        if character == " " or not unicodedata.category(character).startswith(("C", "Z"))
    )
    code = _SYMBOLOGY.sub("", plain.strip()).strip()
    return code if len(code) <= LONGEST_CODE else ""


def spellings(code: str) -> tuple[str, ...]:
    """How a code may have been meant, likeliest first.

    As it stands; without the full-width letters of a Chinese keyboard; in capitals, in small
    letters, and as it would be without Caps Lock.
    """
    plain = unicodedata.normalize("NFKC", code)
    return tuple(dict.fromkeys((code, plain, plain.upper(), plain.lower(), plain.swapcase())))


async def find_typed_voucher(tx: Tx, code: str) -> Voucher | None:
    """The voucher with this code, else with another spelling of it."""
    for spelling in spellings(code):
        voucher = await find_voucher(tx, spelling)
        if voucher is not None and voucher.code == spelling:
            return voucher
    return None


def qr_picture(code: str, *, label: str) -> Markup:
    """The code as a QR code (ISO/IEC 18004, error level M), an SVG that scales without blur."""
    picture = segno.make_qr(code, error="m", boost_error=False)
    svg = picture.svg_inline(
        border=_QUIET_ZONE, omitsize=True, light="#fff", svgclass="sf-qr", lineclass=None
    )
    attributes = Markup('<svg role="img" aria-label="{}" ').format(label)
    return Markup(svg.replace("<svg ", attributes, 1))  # noqa: S704 - made of numbers by segno
