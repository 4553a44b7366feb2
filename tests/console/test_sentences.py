"""Rooms' refusals in the reader's language: by their patterns, which must be the rooms' own."""

import ast
from pathlib import Path

import pytest

from kaquan.console import Language
from kaquan.console.language import translations
from kaquan.console.pages.segment_faults import WORDS
from kaquan.console.pages.words_of_refusals import SENTENCES
from kaquan.console.sentences import say_sentence
from kaquan.runtime import InvalidInput, NotFound, Sentence, words
from kaquan.segments import parse_definition

ROOMS = Path(__file__).parents[2] / "src" / "kaquan"
SPEAKING = ("segments", "experiments", "insight", "runtime")


def _texts() -> set[str]:
    """Every text in the rooms' code, those of several parts put together."""
    return {
        node.value
        for room in SPEAKING
        for path in (ROOMS / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_every_pattern_is_a_rooms() -> None:
    patterns = {*WORDS, *SENTENCES}
    assert len(patterns) > 70
    assert sorted(patterns - _texts()) == []


@pytest.mark.parametrize(
    ("sentence", "english", "chinese"),
    [
        (Sentence("Name the campaign."), "Name the campaign.", "请选择活动。"),
        (
            words("Two arms are named '%(twice)s'.", twice="50%"),
            "Two arms are named '50%'.",
            "有两组都叫“50%”。",
        ),
        (
            words(
                "There is no '%(key)s' here.%(hint)s",
                key="a",
                hint=words(" Try %(names)s.", names="b"),
            ),
            "There is no 'a' here. Try b.",
            "这里没有“a”。可用：b。",
        ),
        (words("Nobody translated %(this)s.", this="that"), *["Nobody translated that."] * 2),
    ],
    ids=["plain", "with a percent sign", "nested", "unknown"],
)
def test_a_sentence_in_both_languages(sentence: Sentence, english: str, chinese: str) -> None:
    assert str(sentence) == english
    assert say_sentence(sentence, translations(Language.EN).gettext) == english
    assert say_sentence(sentence, translations(Language.ZH).gettext) == chinese


def test_an_error_keeps_its_english_message() -> None:
    assert NotFound("segment", "x").message == "There is no segment 'x'."
    with pytest.raises(InvalidInput) as refused:
        parse_definition({"attribute": "citty", "operator": "is", "value": "x"})
    error = refused.value
    assert error.message == "There is no attribute 'citty'. Did you mean 'city'?"
    said = say_sentence(error.sentence, translations(Language.ZH).gettext, instead=WORDS)
    assert "citty" in said
    assert said.isascii() is False
    assert "Did you mean" not in said
