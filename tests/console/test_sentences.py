"""Rooms' refusals in the reader's language: by their patterns, which must be the rooms' own."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from kaquan.console import Language
from kaquan.console.language import translations
from kaquan.console.pages import words_of_import_refusals
from kaquan.console.pages.segment_faults import WORDS
from kaquan.console.pages.words_of_refusals import SENTENCES
from kaquan.console.sentences import say_sentence
from kaquan.runtime import InvalidInput, NotFound, Sentence, words
from kaquan.segments import parse_definition

ROOMS = Path(__file__).parents[2] / "src" / "kaquan"
SPEAKING = ("customers", "segments", "experiments", "insight", "runtime")


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
    patterns = {*WORDS, *SENTENCES, *words_of_import_refusals.SENTENCES}
    assert len(patterns) > 70
    assert sorted(patterns - _texts()) == []


def _refusals(paths: Iterator[Path]) -> Iterator[str]:
    """The sentences that code makes: first arguments, and what such an argument was set to."""
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Call(func=ast.Name("InvalidInput" | "words"), args=[made, *_]):
                    pass
                case ast.Assign(targets=[ast.Name("message" | "msg" | "reason")], value=made):
                    pass
                case _:
                    continue
            assert not isinstance(made, ast.JoinedStr), f"{path.name}:{node.lineno}"
            if isinstance(made, ast.Constant) and isinstance(made.value, str):
                yield made.value


def test_every_refusal_of_an_import_is_in_the_catalogue() -> None:
    folder = ROOMS / "customers"
    beside = ("checks.py", "cleaning.py", "events.py", "lines.py", "orders.py", "people.py")
    refusals = {
        *_refusals((folder / "imports" / "files").glob("*.py")),
        *_refusals(folder / name for name in (*beside, "standard_events.py")),
        *_refusals(iter([ROOMS / "runtime" / "checks.py"])),
    }
    said = translations(Language.ZH).gettext
    assert len(refusals) > 60
    assert sorted(one for one in refusals if said(one) == one) == []


@pytest.mark.parametrize(
    "folder", ["insight/plans", "insight/metrics", "insight/experiment", "experiments"]
)
def test_every_refusal_of_plans_experiments_and_figures_is_in_the_catalogue(folder: str) -> None:
    # What a summary's file lacks is told on the command line alone, and an assertion to nobody.
    paths = (ROOMS / folder).glob("*.py")
    refusals = set(
        _refusals(path for path in paths if path.name not in ("summary.py", "assign.py"))
    )
    said = translations(Language.ZH).gettext
    assert len(refusals) > 4
    assert sorted(one for one in refusals if said(one) == one) == []


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
