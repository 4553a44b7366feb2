"""How much of a list a page shows, and the places in lists that are paged by number."""

from __future__ import annotations

PAGE_SIZE = 15
"""Rows of a list page: with them the page stays below 15 KB of HTML."""
DEEPEST_PAGE = 5_000


def page_number(cursor: str) -> int:
    """The page that a cursor in the address names; 1 for none and for what is no page."""
    number = int(cursor) if cursor.isascii() and cursor.isdecimal() and len(cursor) < 9 else 1
    return min(max(number, 1), DEEPEST_PAGE)
