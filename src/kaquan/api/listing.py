"""Lists as the dialect has them: ``page``, ``limit`` and ``order`` in, one envelope out."""

from typing import Annotated, TypeAlias

import msgspec
from litestar.di import NamedDependency
from litestar.params import QueryParameter, SkipValidation

LONGEST_PAGE, USUAL_PAGE = 100, 10
LAST_PAGE = 1_000


class Paging(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of a list, in which order; ``page`` counts from 1."""

    limit: int = USUAL_PAGE
    page: int = 1
    order: str | None = None

    def has_more(self, total: int) -> bool:
        """Say whether items follow this part of a list of ``total``."""
        return self.page * self.limit < total


def read_paging(
    limit: Annotated[int, QueryParameter(ge=1, le=LONGEST_PAGE)] = USUAL_PAGE,
    page: Annotated[int, QueryParameter(ge=1, le=LAST_PAGE)] = 1,
    order: Annotated[str | None, QueryParameter(max_length=64)] = None,
) -> Paging:
    """Collect a list's query parameters (a dependency)."""
    return Paging(limit=limit, page=page, order=order)


CurrentPaging: TypeAlias = NamedDependency[SkipValidation[Paging]]
