"""The dialect's code configuration, to and from a campaign's."""

from typing import Annotated

import msgspec
from msgspec import Meta

from kaquan.campaigns import CodeConfig
from kaquan.runtime import InvalidInput

CodePart = Annotated[str, Meta(max_length=64)]


class CodeConfigBody(msgspec.Struct, frozen=True, kw_only=True):
    """How codes look; ``#`` in a pattern is a random character.

    ``public`` is our own: the code may be guessed, so a small space of codes is accepted; so is
    ``check``: a character that finds typing errors follows the last random one.
    """

    length: float | None = None
    charset: Annotated[str, Meta(max_length=256)] | None = None
    prefix: CodePart | None = None
    postfix: CodePart | None = None
    pattern: Annotated[str, Meta(max_length=128)] | None = None
    initial_count: Annotated[int, Meta(ge=0, le=10_000_000)] | None = None
    public: bool = False
    check: bool = False


class CodeConfigView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A code configuration as answered."""

    length: int | None = None
    charset: str | None = None
    prefix: str | None = None
    postfix: str | None = None
    pattern: str | None = None
    check: bool = False


def read_code_config(body: CodeConfigBody) -> CodeConfig:
    """Map a code configuration. Raises InvalidInput for a broken length."""
    length = body.length
    if length is not None and length != length // 1:
        message = "'code_config.length' must be a whole number."
        raise InvalidInput(message, field="code_config.length", key="invalid_code_config")
    return CodeConfig(
        length=None if length is None else int(length),
        charset=body.charset,
        prefix=body.prefix or "",
        postfix=body.postfix or "",
        pattern=body.pattern,
        public=body.public,
        check=body.check,
    )


def view_code_config(config: CodeConfig) -> CodeConfigView:
    """Map a code configuration to the wire."""
    return CodeConfigView(
        length=config.length,
        charset=config.charset,
        prefix=config.prefix or None,
        postfix=config.postfix or None,
        pattern=config.pattern,
        check=config.check,
    )
