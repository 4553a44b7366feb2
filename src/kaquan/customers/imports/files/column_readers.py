"""Readers of cells that also read a whole column at once.

What is written in the usual way passes by a pattern that Arrow tries on all cells; what few
different texts say is read once a text. Everything else goes cell by cell.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kaquan.customers.imports.files.model import Cells
from kaquan.runtime import InvalidInput, Sentence

_LARGEST_REMEMBERED = 65_536
_LONGEST_PLAIN = 96
"""In bytes; it lies below what the checks of any shape accept."""
_ARROW: Any = pa
_KERNELS: Any = pc


class ReadColumn(msgspec.Struct, frozen=True):
    """A value a cell, None for empty and refused ones, and by place why a cell is refused.

    ``changed`` are the places whose value is not what the cell says, where the reader notes it.
    """

    values: list[Any]
    refused: dict[int, Sentence]
    changed: list[int]


class Reader:
    """Reads a cell by being called, which raises InvalidInput, or a column.

    ``plain`` and ``mended`` are patterns (RE2) of cells that stay as they are, and of those that
    only get ``lead`` in front; neither may be needed for the right answer. ``remembered``: the
    values are immutable, and there are few different texts; ``notes_changes`` is for those of them
    whose cleaning is told to people.
    """

    def __init__(
        self,
        one: Callable[[str], Any],
        *,
        plain: str | None = None,
        mended: str | None = None,
        lead: str = "",
        remembered: bool = False,
        notes_changes: bool = True,
    ) -> None:
        self._one = one
        self._plain = plain
        self._mended = mended
        self._lead = lead
        self._known: dict[str | None, Any] | None = {} if remembered else None
        self._notes_changes = notes_changes
        self._changed: set[str | None] = set()

    def __call__(self, text: str) -> Any:
        """Return the value of a cell."""
        return self._one(text)

    def column(self, cells: Cells) -> ReadColumn:
        """Return the values of a column; equal to reading it cell by cell."""
        if self._known is not None:
            return self._by_text(cells, self._known)
        values: list[Any] = list(cells)
        places: Sequence[int] = range(len(cells))
        changed: list[int] = []
        if self._plain is not None:
            places, changed = self._mend(values, cells, self._plain)
        refused: dict[int, Sentence] = {}
        for place in places:
            cell = cells[place]
            if cell is not None:
                try:
                    values[place] = self._one(cell)
                except InvalidInput as error:
                    values[place] = None
                    refused[place] = error.sentence
                else:
                    if _is_changed(cell, values[place]):
                        changed.append(place)
        return ReadColumn(values, refused, changed)

    def _mend(self, values: list[Any], cells: Cells, plain: str) -> tuple[list[int], list[int]]:
        """Mend what a pattern knows; return the places of what none knows, and the mended ones."""
        texts = _ARROW.array(cells, _ARROW.string())
        usual = _matches(texts, plain)
        changed: list[int] = []
        if self._mended is not None and not usual.all():
            mended = _matches(texts, self._mended) & ~usual
            changed = np.flatnonzero(mended).tolist()
            for place in changed:
                values[place] = f"{self._lead}{cells[place]}"
            usual = usual | mended
        return np.flatnonzero(~usual).tolist(), changed

    def _by_text(self, cells: Cells, known: dict[str | None, Any]) -> ReadColumn:
        if len(known) > _LARGEST_REMEMBERED:
            known.clear()
            self._changed.clear()
        texts = set(cells)
        reasons: dict[str, Sentence] = {}
        for text in [one for one in texts if one not in known]:
            try:
                known[text] = None if text is None else self._one(text)
            except InvalidInput as error:
                reasons[text or ""] = error.sentence
            else:
                if self._notes_changes and _is_changed(text, known[text]):
                    self._changed.add(text)
        odd = texts & self._changed
        changed = [place for place, cell in enumerate(cells) if cell in odd] if odd else []
        if not reasons:
            return ReadColumn(list(map(known.__getitem__, cells)), {}, changed)
        refused = {
            place: reasons[cell]
            for place, cell in enumerate(cells)
            if cell is not None and cell in reasons
        }
        return ReadColumn(list(map(known.get, cells)), refused, changed)


def _is_changed(text: str | None, value: Any) -> bool:
    return text is not None and (value is None or str(value) != text)


def _matches(texts: Any, pattern: str) -> Any:
    found = _KERNELS.and_(
        _KERNELS.match_substring_regex(texts, rf"\A(?:{pattern})\z"),
        _KERNELS.less_equal(_KERNELS.binary_length(texts), _LONGEST_PLAIN),
    )
    return _KERNELS.fill_null(found, True).to_numpy(zero_copy_only=False)
