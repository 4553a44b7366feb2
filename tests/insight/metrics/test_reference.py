"""The page of metrics says what the code does."""

from pathlib import Path

from kaquan.insight.metrics import METRICS, metrics_page

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "metrics.md"


def test_the_page_is_written_from_the_code() -> None:
    assert PAGE.read_text("utf-8") == metrics_page()


def test_every_metric_has_both_languages() -> None:
    for one in METRICS.values():
        said = (one.name_zh, one.name_en, one.about_zh, one.about_en, one.formula)
        assert all(said), one.id
        assert not one.name_zh.isascii(), one.id
