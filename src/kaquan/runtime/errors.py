"""Errors that cross rooms. Each has a stable key that the API and the command line show."""

from collections.abc import Mapping


class KaquanError(Exception):
    """An error a caller can understand: a stable ``key``, a sentence, and optional details."""

    key = "internal_error"

    def __init__(self, message: str, **details: str | int | None) -> None:
        super().__init__(message)
        self.message = message
        self.details: Mapping[str, str | int | None] = details


class NotFound(KaquanError):
    """The object does not exist, was deleted, or belongs to somebody else: all look the same."""

    key = "not_found"

    def __init__(self, kind: str, object_id: str) -> None:
        super().__init__(f"There is no {kind} '{object_id}'.", kind=kind, object_id=object_id)
        self.kind = kind
        self.object_id = object_id


class Duplicate(KaquanError):
    """Something with this name, code or source_id exists already."""

    key = "duplicate_found"


class InvalidInput(KaquanError):
    """A value that cannot be accepted; ``field`` is the path to it."""

    key = "invalid_payload"

    def __init__(self, message: str, *, field: str, key: str | None = None) -> None:
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
