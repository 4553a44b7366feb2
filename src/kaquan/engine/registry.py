"""Conditions and effects by code, so that the API and the console can list and check them."""

from collections.abc import Iterator
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast

import msgspec


class Part(Protocol):
    """A frozen struct whose fields are its arguments."""

    code: ClassVar[str]


PartT = TypeVar("PartT", bound=Part)
ClassT = TypeVar("ClassT", bound=type[Part])


class Description(msgspec.Struct, frozen=True):
    """A listed condition or effect; `schema` is the JSON Schema (2020-12) of its arguments."""

    code: str
    summary: str
    schema: dict[str, Any]


class Registry(Generic[PartT]):
    """Classes of one kind by their code, in the order of their registration."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._classes: dict[str, type[PartT]] = {}

    def register(self, part: ClassT) -> ClassT:
        """Make a class known; usable as a decorator. Raises ValueError for a code in use."""
        if part.code in self._classes:
            message = f"the {self.kind} {part.code!r} is already registered"
            raise ValueError(message)
        self._classes[part.code] = cast("type[PartT]", part)
        return part

    def find(self, code: str) -> type[PartT] | None:
        """The class of that code, if there is one."""
        return self._classes.get(code)

    def describe(self) -> Iterator[Description]:
        """Each class with the first line of its docstring and its argument schema."""
        for code, part in self._classes.items():
            summary = (part.__doc__ or "").strip().partition("\n")[0]
            yield Description(code, summary, msgspec.json.schema(part))
