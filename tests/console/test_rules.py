"""Segments' rules in words."""

from typing import Any

import pytest

from console.conftest import PROJECT
from kaquan.console import Language, Theme
from kaquan.console.page import PageView
from kaquan.console.pages.rules import rule_lines
from kaquan.segments import parse_definition


def condition(attribute: str, operator: str, value: Any = None) -> dict[str, Any]:
    """One condition of a definition."""
    given = {} if value is None else {"value": value}
    return {"attribute": attribute, "operator": operator, **given}


SPENT = condition("spend_minor", "at_least", 123_400)
BAND = condition("rfm.band", "in", ["at_risk", "cannot_lose"])


@pytest.mark.parametrize(
    ("definition", "english", "chinese"),
    [
        (SPENT, ["Total spend at least ¥1,234.00"], ["累计消费不低于 ¥1,234.00"]),
        (
            condition("last_order_at", "not_within_days", 60),
            ["Latest order longer than 60 days ago"],
            ["最近下单时间在 60 天以前"],
        ),
        (
            condition("score.clv_value", "at_least", 150_000),
            ["Worth in 52 weeks at least ¥1,500.00"],
            ["未来 52 周价值不低于 ¥1,500.00"],
        ),
        (
            condition("score.uplift.expt_1.five.holdout", "more_than", 0),
            ["Uplift: five against holdout above ¥0.00"],
            ["增量：five（对比 对照组）大于 ¥0.00"],
        ),
        (
            condition("score.luck", "at_least", 0.5),
            ["luck at least 0.5"],
            ["luck不低于 0.5"],
        ),
        (
            condition("metadata.level", "is", "A"),
            ["level is “A”"],
            ["level为 “A”"],
        ),
        (
            condition("birth_date", "before", "1990-05-31"),
            ["Date of birth before 31 May 1990"],
            ["出生日期早于 1990年5月31日"],
        ),
        (
            condition("order_count", "is_not", 1),
            ["Number of orders is not 1"],
            ["订单数不是 1"],
        ),
        (
            {"not": condition("order_count", "less_than", 3)},
            ["not: Number of orders below 3"],
            ["不满足：订单数小于 3"],
        ),
        (condition("email", "has_no_value"), ["E-mail is not known"], ["邮箱未填写"]),
        (
            condition("segment", "not_in", ["seg_1", "seg_2"]),
            ["not in the segment Regulars, seg_2"],
            ["不在客群 Regulars、seg_2 中"],
        ),
        (
            {"all": [BAND, {"not": {"any": [SPENT, condition("metadata.vip", "is", True)]}}]},
            [
                "All of these hold:",
                "  RFM group is one of At risk, Cannot lose",
                "  None of these holds:",
                "    Total spend at least ¥1,234.00",
                "    vip is yes",
            ],
            [
                "同时满足以下各项：",
                "  RFM 分群属于 流失风险客户、不可流失客户",
                "  以下各项均不满足：",
                "    累计消费不低于 ¥1,234.00",
                "    vip为 是",
            ],
        ),
        ({"all": []}, ["Every customer"], ["全部客户"]),
        ({"any": []}, ["Nobody"], ["没有人"]),
        ({"not": {"any": []}}, ["Every customer"], ["全部客户"]),
        (
            condition("city", "in", [f"C{n}" for n in range(10)]),
            ["City is one of “C0”, “C1”, “C2”, “C3”, “C4”, “C5”, “C6”, “C7” and 2 more"],
            ["城市属于 “C0”、“C1”、“C2”、“C3”、“C4”、“C5”、“C6”、“C7” 等另外 2 项"],
        ),
    ],
)
def test_rules_read_as_sentences(
    definition: dict[str, Any], english: list[str], chinese: list[str]
) -> None:
    rule = parse_definition(definition)
    for language, expected in ((Language.EN, english), (Language.ZH, chinese)):
        page = PageView(
            language=language, theme=Theme.AUTO, path="/console/segments", project=PROJECT
        )
        lines = rule_lines(rule, page=page, segments={"seg_1": "Regulars"})
        assert ["  " * line.depth + line.text for line in lines] == expected
