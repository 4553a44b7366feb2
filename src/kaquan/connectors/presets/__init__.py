"""How each kind of source signs, and what its posts mean, to begin with: a file of data a kind."""

from functools import cache
from importlib.resources import files

import msgspec

from kaquan.connectors.model import Mapping, Signing, SourceKind


class Preset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a new source of a kind has."""

    signing: Signing
    mapping: Mapping


@cache
def read_preset(kind: SourceKind) -> Preset:
    """Return what a new source of a kind has."""
    raw = (files(__name__) / f"{kind.value}.json").read_bytes()
    return msgspec.json.decode(raw, type=Preset)
