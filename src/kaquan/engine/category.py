"""A category of campaigns."""

import msgspec


class Category(msgspec.Struct, frozen=True, kw_only=True):
    """Groups campaigns for the stacking rules; the lower `hierarchy` comes first."""

    id: str
    hierarchy: int
