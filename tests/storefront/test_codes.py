"""Codes from keyboards and scanners, and the picture for scanners."""

import re

import pytest

from kaquan.storefront.codes import qr_picture, read_code, spellings


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        pytest.param("KQ-7H3M", "KQ-7H3M", id="as it is"),
        pytest.param("  KQ-7H3M\t", "KQ-7H3M", id="blanks and a tab"),
        pytest.param("KQ-7H3M\r\n", "KQ-7H3M", id="line end"),
        pytest.param("\x02KQ-7H3M\x03", "KQ-7H3M", id="start and end of text"),
        pytest.param("]Q1KQ-7H3M", "KQ-7H3M", id="QR symbology"),
        pytest.param("]C0KQ-7H3M\n", "KQ-7H3M", id="Code 128 symbology"),
        pytest.param("KQ]Q1", "KQ]Q1", id="a bracket inside"),
        pytest.param("新年 10", "新年 10", id="Chinese with a blank inside"),
        pytest.param("\u200bKQ\ufeff", "KQ", id="invisible characters"),
        pytest.param("", "", id="nothing"),
        pytest.param("\x00\x00", "", id="control characters only"),
        pytest.param("x" * 256, "", id="longer than any code"),
    ],
)
def test_code_in_what_a_scanner_sends(typed: str, code: str) -> None:
    assert read_code(typed) == code


@pytest.mark.parametrize(
    ("code", "tried"),
    [
        ("TENOFF", ("TENOFF", "tenoff")),
        ("tenoff", ("tenoff", "TENOFF")),
        ("tENOFF", ("tENOFF", "TENOFF", "tenoff", "Tenoff")),
        ("ＴＥＮ", ("ＴＥＮ", "TEN", "ten")),
        ("2345", ("2345",)),
    ],
)
def test_spellings_begin_with_what_was_typed(code: str, tried: tuple[str, ...]) -> None:
    assert spellings(code) == tried


def test_the_picture_has_a_quiet_zone_and_a_name() -> None:
    svg = str(qr_picture("KQ-7H3M9PQRSTUVW", label='a "b" <c>'))
    assert 'aria-label="a &#34;b&#34; &lt;c&gt;"' in svg
    size = re.search(r'viewBox="0 0 (\d+) \1"', svg)
    assert size is not None
    # Version 1 or 2 has 21 or 25 modules; four more stay free on each side (ISO/IEC 18004).
    assert int(size[1]) in {29, 33}
    assert 'stroke="#000" d="M4 4.5h7' in svg
