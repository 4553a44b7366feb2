"""Arguments as the fields that a page shows, with what was typed and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from kaquan.console.pages.argument_shapes import Kind, Shape
from kaquan.console.pages.argument_texts import row_count, split_list
from kaquan.console.pages.words_of_offers import HELPS, WEEKDAYS, argument_word, choice_word

Choices = Sequence[tuple[str, str]]
APART = frozenset(
    {"selection", "basis", "message", "after_claim", "recurring", "hours", "blackouts"}
    | {"starts_at", "expires_at", "starts_on", "expires_on"}
)
"""What most offers do without stands folded away, as everything of a formula does."""


class ArgumentField(msgspec.Struct, frozen=True, kw_only=True):
    """One field, a group of them, or rows of them; ``folded`` until it is filled in."""

    name: str
    kind: Kind
    label: str
    help: str = ""
    value: str = ""
    error: str = ""
    suffix: str = ""
    required: bool = False
    folded: bool = False
    choices: Choices = ()
    ticked: frozenset[str] = frozenset()
    parts: tuple[ArgumentField, ...] = ()
    rows: tuple[tuple[ArgumentField, ...], ...] = ()
    row_errors: tuple[str, ...] = ()


class Drawing:
    """Draws fields from a form's texts; ``known`` are choices for arguments by their key."""

    def __init__(
        self,
        given: Mapping[str, str],
        errors: Mapping[str, str],
        *,
        say: Callable[[str], str],
        known: Mapping[str, Choices],
    ) -> None:
        self._given = given
        self._errors = errors
        self._say = say
        self._known = known

    def fields(self, shapes: Sequence[Shape], prefix: str, code: str) -> tuple[ArgumentField, ...]:
        """A field for each argument of the effect, condition or group that is named ``code``."""
        return tuple(self._field(shape, f"{prefix}.{shape.key}", code) for shape in shapes)

    def _field(self, shape: Shape, name: str, code: str) -> ArgumentField:
        field = ArgumentField(
            name=name,
            kind=shape.kind,
            label=self._say(argument_word(code, shape.key)),
            help=self._say(HELPS[shape.key]) if shape.key in HELPS else "",
            value=self._given.get(name, ""),
            error=self._errors.get(name, ""),
            suffix={"percent": "%", "times": "×"}.get(shape.kind, ""),
            required=shape.required,
        )
        field = self._with_choices(field, shape, code)
        if shape.kind == "group":
            field = msgspec.structs.replace(field, parts=self.fields(shape.fields, name, shape.key))
        if shape.kind == "rows":
            rows = range(row_count(self._given, name))
            field = msgspec.structs.replace(
                field,
                rows=tuple(self.fields(shape.fields, f"{name}.{row}", shape.key) for row in rows),
                row_errors=tuple(self._errors.get(f"{name}.{row}", "") for row in rows),
            )
        aside = shape.kind == "group" or shape.key in APART or shape.key.endswith("_formula")
        folded = aside and not shape.required and not self._is_filled(shape, name)
        return msgspec.structs.replace(field, folded=folded)

    def _with_choices(self, field: ArgumentField, shape: Shape, code: str) -> ArgumentField:
        replace = msgspec.structs.replace
        if shape.kind == "days":
            ticked = frozenset(
                str(day) for day in range(1, 8) if self._given.get(f"{field.name}.{day}") == "yes"
            )
            days = [(str(day), self._say(word)) for day, word in enumerate(WEEKDAYS, start=1)]
            return replace(field, choices=days, ticked=ticked)
        if shape.kind == "choice":
            some = [(one, self._say(choice_word(code, shape.key, one))) for one in shape.choices]
            if shape.required:
                some.insert(0, ("", self._say("Choose")))
            return replace(field, choices=some, value=field.value or str(shape.default or ""))
        known = self._known.get(shape.key, ())
        if not known:
            return field
        if shape.kind == "text":
            unknown = field.value and all(field.value != value for value, _ in known)
            kept = [(field.value, field.value)] if unknown else []
            return replace(field, kind="choice", choices=[("", self._say("Choose")), *kept, *known])
        if shape.kind == "many" and not set(split_list(field.value)) - {one for one, _ in known}:
            return replace(field, choices=known, ticked=frozenset(split_list(field.value)))
        return field

    def _is_filled(self, shape: Shape, name: str) -> bool:
        if name in self._errors or any(one.startswith(f"{name}.") for one in self._errors):
            return True
        if shape.kind == "group":
            return any(self._is_filled(one, f"{name}.{one.key}") for one in shape.fields)
        if shape.kind == "rows":
            return row_count(self._given, name) > 0
        default = "" if shape.default in (None, [], {}) else str(shape.default)
        return self._given.get(name, default) not in ("", default)
