"""Events of fixed names whose properties mean something here: store visits and answered surveys.

docs/reference/standard-events.md describes them; every other name is the merchant's own.
"""

from collections.abc import Mapping
from typing import Any

from kaquan.runtime import InvalidInput, Sentence, words

STORE_VISITED = "Store Visited"
SURVEY_ANSWERED = "Survey Answered"
HIGHEST_SCORE = 10
LONGEST_TEXT = 4_000


def check_standard(name: str, properties: Mapping[str, Any]) -> None:
    """Raise InvalidInput with the property that an event of a fixed name cannot have."""
    if name == STORE_VISITED:
        _check_text(properties, "location_id", required=True)
    elif name == SURVEY_ANSWERED:
        _check_text(properties, "survey", required=True)
        _check_text(properties, "comment", required=False)
        _check_score(properties.get("score"))
        answers = properties.get("answers")
        if answers is not None and not isinstance(answers, Mapping):
            raise _refusal("answers", words("an object of answers by question"))
        if properties.get("score") is None and not answers and not properties.get("comment"):
            raise _refusal("score", words("there, unless answers or a comment are"))


def _check_text(properties: Mapping[str, Any], key: str, *, required: bool) -> None:
    value = properties.get(key)
    if value is None and not required:
        return
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_TEXT:
        raise _refusal(key, words("a text of at most %(most)s characters", most=LONGEST_TEXT))


def _check_score(score: Any) -> None:
    whole = isinstance(score, int) and not isinstance(score, bool)
    if score is not None and not (whole and 0 <= score <= HIGHEST_SCORE):
        raise _refusal("score", words("a whole number from 0 to %(most)s", most=HIGHEST_SCORE))


def _refusal(key: str, needed: Sentence) -> InvalidInput:
    message = words("'%(name)s' has to be %(needed)s.", name=key, needed=needed)
    return InvalidInput(message, field=f"metadata.{key}")
