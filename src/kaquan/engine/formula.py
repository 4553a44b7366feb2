"""Personalised amounts: a small expression language, read into a tree.

    formula     = conjunction { "or" conjunction }
    conjunction = negation { "and" negation }
    negation    = [ "not" ] comparison
    comparison  = sum [ ( "=" | "!=" | "<" | "<=" | ">" | ">=" | "is" | "isNot" | "contains"
                        | "startsWith" | "endsWith" | "in_array" | "not_in_array"
                        | "is_after" | "is_before" | "date_is" | "date_is_not" ) sum ]
    sum         = product { ( "+" | "-" ) product }
    product     = signed { ( "*" | "x" | "×" | "/" | "÷" | "%" ) signed }
    signed      = [ "-" ] atom
    atom        = number | text | name | "(" formula ")"
                | function "(" formula { ( "," | ";" ) formula } ")"
                | "switch" "(" formula ";" case { [ ";" ] case } [ ";" formula ] ")"
    case        = "switch_case" "(" formula ";" formula ")"

Words are read in either case; a text stands in double quotes. There is nothing but the names,
attributes and functions of ``formula_words``, no loop and no definition, and length, depth, size and digits
are bounded: reading and working out a formula ends after a number of steps that its length bounds.
"""

import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache
from itertools import chain
from typing import TypeAlias

import msgspec

from kaquan.engine.formula_words import (
    ATTRIBUTES,
    COMPARING_WORDS,
    FUNCTIONS,
    NAMES,
    OF_ITEMS,
    SAME_AS,
    UNSUPPORTED,
)

MAX_LENGTH = 1_000
MAX_DEPTH = 20
MAX_NODES = 200
MAX_DIGITS = 15
_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?)(?![\w.])
    |(?P<text>"[^"]*")
    |(?P<word>[A-Za-z_][A-Za-z_0-9]*)
    |(?P<sign><=|>=|!=|[=<>+\-*/×÷%(),;]))""",
    re.VERBOSE | re.ASCII,
)


class InvalidFormula(ValueError):
    """The text is no formula. `key` is stable, `position` counts characters from 0.

    Keys: formula_too_long, formula_too_deep, formula_too_large, formula_number_too_long,
    formula_syntax, formula_unknown_name, formula_unsupported, formula_arguments, formula_scope.
    """

    def __init__(self, key: str, position: int, message: str) -> None:
        super().__init__(f"{message}, at character {position}")
        self.key = key
        self.position = position


class Constant(msgspec.Struct, frozen=True):
    """A number or a text."""

    value: Fraction | str


class Name(msgspec.Struct, frozen=True):
    """A known fact of the order or the customer."""

    name: str


class Attribute(msgspec.Struct, frozen=True):
    """What the merchant noted of the customer or the order under `name`."""

    of: str
    name: str


class Call(msgspec.Struct, frozen=True):
    """A function and its arguments; of `switch` the value, then cases and results in turn."""

    function: str
    arguments: "tuple[Tree, ...]"


class Chain(msgspec.Struct, frozen=True):
    """Operators of one rank, worked out from the left: the first has the sign `+` or `*`."""

    members: "tuple[tuple[str, Tree], ...]"


class Comparison(msgspec.Struct, frozen=True):
    """Two sides and the sign or word between them."""

    sign: str
    left: "Tree"
    right: "Tree"


class Logic(msgspec.Struct, frozen=True):
    """Several truths, joined by `and` or `or`, or one behind `not`."""

    word: str
    members: "tuple[Tree, ...]"


Tree: TypeAlias = Constant | Name | Attribute | Call | Chain | Comparison | Logic


class _Token(msgspec.Struct, frozen=True):
    kind: str
    text: str
    position: int


@lru_cache(maxsize=1_024)
def parse_formula(text: str) -> Tree:
    """Read a formula. Raises InvalidFormula."""
    if len(text) > MAX_LENGTH:
        message = f"a formula has at most {MAX_LENGTH} characters"
        raise InvalidFormula("formula_too_long", MAX_LENGTH, message)
    return _Parser(text).read()


def list_names(tree: Tree) -> Iterator[str]:
    """The names and kinds of attributes that a formula looks up."""
    match tree:
        case Constant():
            return
        case Name(name):
            yield name
        case Attribute(of):
            yield f"{of}_metadata"
        case Call(_, members) | Logic(_, members):
            yield from chain.from_iterable(map(list_names, members))
        case Chain(members):
            yield from chain.from_iterable(list_names(member) for _, member in members)
        case Comparison(_, left, right):
            yield from list_names(left)
            yield from list_names(right)


def check_scope(text: str, *, per_line: bool) -> None:
    """Raise InvalidFormula for a text that is no formula, or that asks for lines where none are."""
    asked = OF_ITEMS & set(list_names(parse_formula(text)))
    if asked and not per_line:
        name = min(asked)
        place = text.lower().index(name)
        message = f"{name!r} is there only for discounts that are taken off items one by one"
        raise InvalidFormula("formula_scope", place, message)


def is_of_items(text: str) -> bool:
    """Whether a formula comes to a number of its own for each line."""
    return not OF_ITEMS.isdisjoint(list_names(parse_formula(text)))


def _split(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise InvalidFormula("formula_syntax", position, "this cannot be read")
        kind = match.lastgroup or ""
        tokens.append(_Token(kind, match[kind], match.start(kind)))
        position = match.end()
    return [*tokens, _Token("end", "", end)]


class _Parser:
    """Recursive descent, one method a rule of the grammar."""

    def __init__(self, text: str) -> None:
        self._tokens = _split(text)
        self._next = 0
        self._depth = 0
        self._nodes = 0

    def read(self) -> Tree:
        tree = self._formula()
        if self._token.kind != "end":
            raise self._refusal("formula_syntax", f"did not expect {self._token.text!r}")
        return tree

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _accept(self, *texts: str) -> str | None:
        token = self._token
        word = token.text.lower()
        if token.kind in {"word", "sign"} and word in texts:
            self._next += 1
            return word
        return None

    def _expect(self, *texts: str) -> None:
        if self._accept(*texts) is None:
            raise self._refusal("formula_syntax", f"expected {texts[0]!r}")

    def _refusal(self, key: str, message: str) -> InvalidFormula:
        return InvalidFormula(key, self._token.position, message)

    def _count(self, tree: Tree) -> Tree:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise self._refusal("formula_too_large", f"a formula has at most {MAX_NODES} parts")
        return tree

    def _formula(self) -> Tree:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._refusal("formula_too_deep", f"brackets may be nested {MAX_DEPTH} deep")
        tree = self._join("or", lambda: self._join("and", self._negation))
        self._depth -= 1
        return tree

    def _join(self, word: str, read: Callable[[], Tree]) -> Tree:
        members = [read()]
        while self._accept(word):
            members.append(read())
        return members[0] if len(members) == 1 else self._count(Logic(word, tuple(members)))

    def _negation(self) -> Tree:
        if self._accept("not"):
            return self._count(Logic("not", (self._comparison(),)))
        return self._comparison()

    def _comparison(self) -> Tree:
        left = self._sum()
        sign = self._accept("=", "!=", "<", "<=", ">", ">=", *COMPARING_WORDS)
        return left if sign is None else self._count(Comparison(sign, left, self._sum()))

    def _sum(self) -> Tree:
        return self._chain("+", "-", read=self._product)

    def _product(self) -> Tree:
        return self._chain("*", "/", "%", *SAME_AS, read=self._signed)

    def _chain(self, *signs: str, read: Callable[[], Tree]) -> Tree:
        members = [(signs[0], read())]
        while sign := self._accept(*signs):
            members.append((SAME_AS.get(sign, sign), read()))
        return members[0][1] if len(members) == 1 else self._count(Chain(tuple(members)))

    def _signed(self) -> Tree:
        if self._accept("-"):
            return self._count(Chain((("-", self._atom()),)))
        return self._atom()

    def _atom(self) -> Tree:
        token = self._token
        if self._accept("("):
            tree = self._formula()
            self._expect(")")
            return tree
        match token.kind:
            case "number":
                return self._number(token.text)
            case "text":
                self._next += 1
                return self._count(Constant(token.text[1:-1]))
            case "word":
                return self._word(token.text.lower())
            case _:
                raise self._refusal("formula_syntax", "expected a number, a name or a bracket")

    def _number(self, text: str) -> Tree:
        if len(text.replace(".", "")) > MAX_DIGITS:
            message = f"a number has at most {MAX_DIGITS} digits"
            raise self._refusal("formula_number_too_long", message)
        self._next += 1
        return self._count(Constant(Fraction(text)))

    def _word(self, word: str) -> Tree:
        if word in UNSUPPORTED:
            raise self._refusal("formula_unsupported", f"{word!r} is not supported")
        if word == "switch":
            return self._switch()
        if word not in NAMES and word not in ATTRIBUTES and word not in FUNCTIONS:
            raise self._refusal("formula_unknown_name", f"there is no {word!r}")
        self._next += 1
        if word in NAMES:
            return self._count(Name(word))
        self._expect("(")
        return self._attribute(word) if word in ATTRIBUTES else self._call(word)

    def _attribute(self, word: str) -> Tree:
        token = self._token
        if token.kind != "text":
            raise self._refusal("formula_arguments", f"{word!r} needs a name in double quotes")
        self._next += 1
        self._expect(")")
        return self._count(Attribute(word.removesuffix("_metadata"), token.text[1:-1]))

    def _switch(self) -> Tree:
        self._next += 1
        self._expect("(")
        members = [self._formula()]
        while self._accept(",", ";") or self._token.text.lower() == "switch_case":
            if self._accept("switch_case") is None:
                members.append(self._formula())
                break
            self._expect("(")
            members.append(self._formula())
            self._expect(";", ",")
            members.append(self._formula())
            self._expect(")")
        self._expect(")")
        if len(members) < 3:
            raise self._refusal("formula_arguments", "'switch' needs a 'switch_case'")
        return self._count(Call("switch", tuple(members)))

    def _call(self, word: str) -> Tree:
        arguments = [self._formula()]
        while self._accept(",", ";"):
            arguments.append(self._formula())
        least, most = FUNCTIONS[word]
        if not least <= len(arguments) <= most:
            raise self._refusal("formula_arguments", f"{word!r} takes {least} to {most} arguments")
        self._expect(")")
        return self._count(Call(word, tuple(arguments)))
