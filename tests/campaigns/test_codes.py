"""Codes: the table of docs/algorithms/codes.md, shapes, refusals, uniformity."""

import re
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kaquan.campaigns import (
    READABLE,
    CodeConfig,
    GuessingRisk,
    code_space,
    needed_bits,
)
from kaquan.campaigns.codes import check_room, draw_codes
from kaquan.runtime import InvalidInput

PAGE = Path(__file__).parents[2] / "docs" / "algorithms" / "codes.md"
ROW = re.compile(r"\| (\d+) \| (\d+) \| (\d+) \| ([\d.]+) \| ([\d.]+) \| (\d+) \|")

# Chi-square that chance exceeds once in a thousand, 30 degrees of freedom (NIST, 1.3.6.7.4).
CRITICAL_30 = 59.70


def codes_of(
    config: CodeConfig, count: int, *, live: int = 0, risk: GuessingRisk | None = None
) -> list[str]:
    """Codes of a shape of which ``live`` exist already."""
    space = code_space(config)
    check_room(space, live + count, risk=risk or GuessingRisk())
    return draw_codes(space, count)


def worked_examples() -> list[tuple[int, GuessingRisk, float, int]]:
    """Live codes, risk, bits, characters of 31."""
    return [
        (
            int(live),
            GuessingRisk(
                guesses_per_second=int(guesses),
                valid_for=timedelta(days=int(days)),
                accepted_hits=float(hits),
            ),
            float(bits),
            int(characters),
        )
        for live, days, guesses, hits, bits, characters in ROW.findall(PAGE.read_text())
    ]


def test_page_has_its_examples() -> None:
    assert len(worked_examples()) == 7


@pytest.mark.parametrize(("live", "risk", "bits", "characters"), worked_examples())
def test_worked_example(live: int, risk: GuessingRisk, bits: float, characters: int) -> None:
    assert round(needed_bits(live, risk), 1) == bits
    assert len(codes_of(CodeConfig(length=characters), 1, live=live - 1, risk=risk)) == 1
    with pytest.raises(InvalidInput) as refusal:
        codes_of(CodeConfig(length=characters - 1), 1, live=live - 1, risk=risk)
    assert refusal.value.key == "code_space_too_small"
    assert f"at least {characters} random characters" in refusal.value.message


def passes(code: str, charset: str) -> bool:
    """Whether the last character fits to the others, reckoned digit by digit."""
    base, total = len(charset), 0
    for place, letter in enumerate(reversed(code)):
        value = charset.index(letter) * (1 + place % 2)
        total += value if base % 2 else sum(divmod(value, base))
    return total % base == 0


@pytest.mark.parametrize("charset", [READABLE, "0123456789", "abc", "01"], ids=len)
def test_a_check_character_finds_typing_errors(charset: str) -> None:
    ends = {charset[0] + charset[-1], charset[-1] + charset[0]}
    config = CodeConfig(length=64, charset=charset, prefix="P-", postfix="-S", check=True)
    for whole in codes_of(config, 5):
        assert re.fullmatch(rf"P-[{charset}]{{65}}-S", whole)
        code = whole[2:-2]
        assert passes(code, charset)
        for place in range(64):
            wrong = charset[charset.index(code[place]) - 1]
            assert not passes(code[:place] + wrong + code[place + 1 :], charset)
            pair = code[place : place + 2]
            if pair[0] != pair[1] and (len(charset) % 2 or pair not in ends):
                assert not passes(code[:place] + pair[::-1] + code[place + 2 :], charset)


def test_a_check_character_takes_no_room() -> None:
    plain, checked = (CodeConfig(pattern="A-####", public=True, check=one) for one in (False, True))
    assert code_space(plain).size == code_space(checked).size
    assert len(codes_of(checked, 1)[0]) == 7
    with pytest.raises(InvalidInput) as refusal:
        code_space(CodeConfig(pattern="WELCOME", public=True, check=True))
    assert refusal.value.field == "code_config.check"


@pytest.mark.parametrize(
    ("config", "count", "looks_like"),
    [
        (CodeConfig(), 5, rf"[{READABLE}]{{13}}"),
        (CodeConfig(pattern="SUMMER-####-####"), 5, rf"SUMMER-[{READABLE}]{{4}}-[{READABLE}]{{4}}"),
        (CodeConfig(length=10, prefix="A-", postfix="-Z"), 5, rf"A-[{READABLE}]{{10}}-Z"),
        (CodeConfig(pattern="##x######", prefix="<", postfix=">"), 2, r"<\w\wx\w{6}>"),
        (CodeConfig(length=30, charset="01"), 1, "[01]{30}"),
        (CodeConfig(charset="01"), 5, "[01]{64}"),
        (CodeConfig(length=12, charset="AAAABBCD"), 5, None),
        (CodeConfig(pattern="春节########"), 5, rf"春节[{READABLE}]{{8}}"),
        (CodeConfig(charset="梅兰竹菊", length=20), 5, "[梅兰竹菊]{20}"),
        (CodeConfig(charset="#ABCDEFGHI", length=12), 5, "[#A-I]{12}"),
        (CodeConfig(pattern="WELCOME", public=True), 1, "WELCOME"),
        (CodeConfig(pattern="DAY-##", charset="0123456789", public=True), 50, r"DAY-\d\d"),
    ],
)
def test_shape(config: CodeConfig, count: int, looks_like: str | None) -> None:
    if looks_like is None:
        with pytest.raises(InvalidInput, match="characters of these 4"):
            codes_of(config, count)
        return
    codes = codes_of(config, count)
    assert len(set(codes)) == count
    assert all(re.fullmatch(looks_like, code) for code in codes)


@pytest.mark.parametrize(
    ("config", "field", "key"),
    [
        ({"charset": "A"}, "charset", "invalid_code_config"),
        ({"charset": "AAA"}, "charset", "invalid_code_config"),
        ({"charset": ""}, "charset", "invalid_code_config"),
        ({"charset": "AB C"}, "charset", "invalid_code_config"),
        ({"charset": "".join(map(chr, range(0x4E00, 0x4F00)))}, "charset", "invalid_code_config"),
        ({"prefix": "two words-"}, "pattern", "invalid_code_config"),
        ({"postfix": "\n"}, "pattern", "invalid_code_config"),
        ({"prefix": "\x00"}, "pattern", "invalid_code_config"),
        ({"prefix": "\ud800"}, "pattern", "invalid_code_config"),
        ({"pattern": ""}, "pattern", "invalid_code_config"),
        ({"pattern": "#" * 129}, "pattern", "invalid_code_config"),
        ({"prefix": "P" * 120}, "pattern", "invalid_code_config"),
        ({"length": 0}, "length", "invalid_payload"),
        ({"length": -3}, "length", "invalid_payload"),
        ({"length": 10**9}, "length", "invalid_payload"),
        ({"length": True}, "length", "invalid_payload"),
        ({"length": 4}, "length", "code_space_too_small"),
        ({"pattern": "SALE"}, "length", "code_space_too_small"),
        ({"pattern": "DAY-#", "charset": "012", "public": True}, "length", "code_space_too_small"),
    ],
)
def test_refused_shape(config: dict[str, Any], field: str, key: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        codes_of(CodeConfig(**config), 2)
    assert (refusal.value.field, refusal.value.key) == (f"code_config.{field}", key)


def test_a_hundred_thousand_codes_are_all_different() -> None:
    codes = codes_of(CodeConfig(pattern="K-#####-#####"), 100_000)
    assert len(set(codes)) == 100_000


def test_every_character_is_as_likely_as_any_other() -> None:
    counts = Counter("".join(codes_of(CodeConfig(), 20_000)))
    expected = 20_000 * 13 / len(READABLE)
    assert set(counts) == set(READABLE)
    assert sum((seen - expected) ** 2 / expected for seen in counts.values()) < CRITICAL_30


def test_size_of_a_space() -> None:
    space = code_space(CodeConfig(pattern="A-##-##", charset="0123456789"))
    assert (space.size, space.random_characters) == (10_000, 4)
    assert space.bits == pytest.approx(13.2877, abs=1e-4)
