"""What a text in a cell means: a number, a date, yes or no, or nothing at all."""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime

_MISSING = frozenset(
    (
        "",
        "na",
        "n/a",
        "nan",
        "null",
        "nil",
        "none",
        "#n/a",
        "#null!",
        "?",
        "-",
        "--",
        ".",
        "inf",
        "-inf",
    )
)
_YES_NO = {
    **dict.fromkeys(("true", "yes", "y", "t", "是"), 1.0),
    **dict.fromkeys(("false", "no", "n", "f", "否"), 0.0),
}
_GROUPED = re.compile(r"[-+]?[$€£¥￥]?\s?[-+]?\d{1,3}(,\d{3})*(\.\d+)?\s?%?")
_DECORATION = re.compile(r"[$€£¥￥,%\s]")
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+|[-+]?\d+")
_DATE_FORMATS = (
    "%Y/%m/%d",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%Y年%m月%d日",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M",
    "%d.%m.%Y %H:%M",
)
_DAY_S = 86_400

Reader = Callable[[str], float | None]


def is_missing(text: str) -> bool:
    """True for an empty cell and the usual words for one."""
    return text.lower() in _MISSING


def read_plain(text: str) -> float | None:
    """Read a number such as ``-1.5e3``; None for anything else, also for infinities."""
    if "_" in text:
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def read_grouped(text: str) -> float | None:
    """Read ``1,234.50``, ``¥12`` or ``12%``, the last as 12."""
    if not _GROUPED.fullmatch(text):
        return None
    return read_plain(_DECORATION.sub("", text))


def read_decimal_comma(text: str) -> float | None:
    """Read ``12,5``."""
    return float(text.replace(",", ".")) if _DECIMAL_COMMA.fullmatch(text) else None


def read_yes_no(text: str) -> float | None:
    """Read yes as 1 and no as 0."""
    return _YES_NO.get(text.lower())


def date_readers() -> list[Reader]:
    """Return readers of dates, each for one way to write them; they give days since 1970."""
    return [_read_iso, *(_reader_of(form) for form in _DATE_FORMATS)]


def _read_iso(text: str) -> float | None:
    # Bare digits are numbers, though fromisoformat takes some for dates.
    if text.isdigit() or len(text) < 8:
        return None
    try:
        return _days(datetime.fromisoformat(text))
    except ValueError:
        return None


def _reader_of(form: str) -> Reader:
    def read(text: str) -> float | None:
        try:
            return _days(datetime.strptime(text, form))  # noqa: DTZ007
        except ValueError:
            return None

    return read


def _days(moment: datetime) -> float:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp() / _DAY_S
