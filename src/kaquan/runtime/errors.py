"""Errors that cross rooms. Each has a stable key that the API and the command line show."""

from collections.abc import Mapping

import msgspec


class Sentence(msgspec.Struct, frozen=True):
    """An English sentence as its pattern and what is put into it, to be said in any language.

    The pattern is a printf one with names; it is the key of the sentence wherever it is translated.
    What is put in may be a sentence itself.
    """

    key: str
    given: Mapping[str, object] = {}

    def __str__(self) -> str:
        return self.key % self.given if self.given else self.key


def words(key: str, /, **given: object) -> Sentence:
    """Make a sentence."""
    return Sentence(key, given)


class KaquanError(Exception):
    """An error a caller can understand: a stable ``key``, a sentence, and optional details.

    ``message`` is the sentence in English.
    """

    key = "internal_error"

    def __init__(self, message: str | Sentence, **details: str | int | None) -> None:
        super().__init__(str(message))
        self.message = str(message)
        self.sentence = message if isinstance(message, Sentence) else Sentence(message)
        self.details: Mapping[str, str | int | None] = details


class NotFound(KaquanError):
    """The object does not exist, was deleted, or belongs to somebody else: all look the same."""

    key = "not_found"

    def __init__(self, kind: str, object_id: str) -> None:
        sentence = words("There is no %(kind)s '%(object_id)s'.", kind=kind, object_id=object_id)
        super().__init__(sentence, kind=kind, object_id=object_id)
        self.kind = kind
        self.object_id = object_id


class Duplicate(KaquanError):
    """Something with this name, code or source_id exists already."""

    key = "duplicate_found"


class InvalidInput(KaquanError):
    """A value that cannot be accepted; ``field`` is the path to it."""

    key = "invalid_payload"

    def __init__(self, message: str | Sentence, *, field: str, key: str | None = None) -> None:
        super().__init__(message, field=field)
        self.field = field
        if key is not None:
            self.key = key


class Unavailable(KaquanError):
    """Something outside is missing or broken: a server, a disk, a dataset."""

    key = "unavailable"


class Apart(KaquanError):
    """This has to be done in another transaction than what it was sent together with."""

    key = "try_again"
