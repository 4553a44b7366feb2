"""Every reason has its sentence in both languages."""

import string
from typing import get_args

import pytest

from kaquan.engine import Language, Reason, ReasonCode, explain, headline
from kaquan.engine.explain import SENTENCES
from kaquan.engine.reason_meanings import MEANINGS

LANGUAGES: tuple[Language, ...] = get_args(Language)


def yuan(minor: int) -> str:
    return f"¥{minor // 100}.{minor % 100:02d}"


@pytest.mark.parametrize("code", list(ReasonCode))
@pytest.mark.parametrize("language", LANGUAGES)
def test_sentence_uses_only_parameters_of_its_code(code: ReasonCode, language: Language) -> None:
    sentence = SENTENCES[code][language]
    fields = {name for _, name, _, _ in string.Formatter().parse(sentence) if name}
    assert sentence == sentence.strip()
    assert fields <= set(code.params)
    assert not sentence.endswith((".", "。", "!", "！"))


R = ReasonCode


@pytest.mark.parametrize(
    ("code", "params", "zh", "en"),
    [
        (
            R.MINIMUM_SPEND_NOT_MET,
            {"required_minor": 5000, "spent_minor": 2650, "missing_minor": 2350},
            "还差 ¥23.50 可用",
            "¥23.50 more to go",
        ),
        (
            R.NOT_STARTED,
            {"starts_at": "2026-06-01T00:00:00+08:00"},
            "此券 2026年6月1日 起可用",
            "This coupon can be used from 1 June 2026",
        ),
        (
            R.NOT_STARTED,
            {"starts_at": "2026-06-01T10:30:00+08:00"},
            "此券 2026年6月1日 10:30 起可用",
            "This coupon can be used from 1 June 2026 10:30",
        ),
        (
            R.EXPIRED,
            {"expires_at": "2026-06-01T00:00:00+08:00"},
            "此券有效期至 2026年5月31日，已过期",
            "This coupon was valid until 31 May 2026",
        ),
        (
            R.EXPIRED,
            {"expires_at": "2026-05-31T18:00:00+08:00"},
            "此券有效期至 2026年5月31日 18:00，已过期",
            "This coupon was valid until 31 May 2026 18:00",
        ),
        (
            R.CUSTOMER_COUNT_REACHED,
            {"at_most": 1, "used": 1},
            "每人限用 1 张，已用 1 张",
            "Limit per person: 1, used so far: 1",
        ),
    ],
)
def test_explain(code: ReasonCode, params: dict[str, int | str], zh: str, en: str) -> None:
    reason = Reason(code, params)
    assert {language: explain(reason, language, yuan) for language in LANGUAGES} == {
        "zh": zh,
        "en": en,
    }


def test_headline_is_the_first_by_precedence_not_by_position() -> None:
    reasons = tuple(map(Reason, (R.MINIMUM_SPEND_NOT_MET, R.EXPIRED, R.NOT_IN_SEGMENT)))
    assert headline(reasons).code is R.EXPIRED


def test_every_reason_has_its_meaning_in_order_of_precedence() -> None:
    assert list(MEANINGS) == [code.value for code in ReasonCode]


def test_codes_are_ranked_in_the_order_they_are_written() -> None:
    assert [code.rank for code in ReasonCode] == list(range(len(ReasonCode)))
