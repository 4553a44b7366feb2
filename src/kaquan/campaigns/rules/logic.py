"""The dialect's logic between numbered rules: ``(1 and 2) or 3``, in either case."""

import re

import msgspec

from kaquan.campaigns.rules.model import InvalidRules

LONGEST_LOGIC = 2_000
DEEPEST = 15
_TOKEN = re.compile(r"\s*(?:(?P<word>and|or)\b|(?P<number>\d+)|(?P<bracket>[()]))", re.IGNORECASE)


class Joined(msgspec.Struct, frozen=True):
    """Members of which all (``and``) or any (``or``) have to hold."""

    word: str
    members: "tuple[Logic, ...]"


Logic = Joined | str
"""A rule's number, or several joined."""


def parse_logic(text: str, *, field: str) -> Logic | None:
    """Read the logic; None when it is empty. ``and`` binds closer than ``or``.

    Raises InvalidRules.
    """
    if len(text) > LONGEST_LOGIC:
        message = f"The logic has at most {LONGEST_LOGIC} characters."
        raise InvalidRules(message, field=field)
    tokens = _split(text, field)
    if not tokens:
        return None
    parser = _Parser(tokens, field)
    return parser.read()


def _split(text: str, field: str) -> list[str]:
    tokens: list[str] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            message = f"The logic cannot be read at '{text[position : position + 20].strip()}'."
            raise InvalidRules(message, field=field)
        tokens.append(match[0].strip().lower())
        position = match.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[str], field: str) -> None:
        self._tokens = tokens
        self._field = field
        self._next = 0
        self._depth = 0

    def read(self) -> Logic:
        tree = self._join("or")
        if self._next < len(self._tokens):
            raise self._unexpected()
        return tree

    def _join(self, word: str) -> Logic:
        members = [self._member(word)]
        while self._peek() == word:
            self._next += 1
            members.append(self._member(word))
        return members[0] if len(members) == 1 else Joined(word, tuple(members))

    def _member(self, word: str) -> Logic:
        return self._join("and") if word == "or" else self._atom()

    def _atom(self) -> Logic:
        token = self._peek()
        if token is None or token in {"and", "or", ")"}:
            raise self._unexpected()
        self._next += 1
        if token.isdecimal():
            return token
        self._depth += 1
        if self._depth > DEEPEST:
            message = f"Brackets may be nested {DEEPEST} deep."
            raise InvalidRules(message, field=self._field)
        tree = self._join("or")
        if self._peek() != ")":
            raise self._unexpected()
        self._next += 1
        self._depth -= 1
        return tree

    def _peek(self) -> str | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _unexpected(self) -> InvalidRules:
        found = self._peek()
        message = "The logic ends too soon." if found is None else f"Did not expect '{found}'."
        return InvalidRules(message, field=self._field)
