"""Which ids a file had so far, in eight bytes each."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


class SeenIds:
    """Remembers ids by 64-bit digests, in sorted blocks of doubling sizes.

    Of a million ids two share their digest with a chance of 3 in 100 million.
    """

    def __init__(self) -> None:
        self._blocks: list[npt.NDArray[np.int64]] = []

    def add(self, ids: Sequence[str | None]) -> list[int]:
        """Note the ids and return the places of those that had come in an earlier call."""
        digests = np.fromiter((hash(one) for one in ids), np.int64, len(ids))
        known = np.zeros(len(ids), dtype=bool)
        for block in self._blocks:
            places = np.minimum(np.searchsorted(block, digests), len(block) - 1)
            known |= block[places] == digests
        if len(ids):
            self._blocks.append(np.unique(digests))
        while len(self._blocks) > 1 and len(self._blocks[-1]) >= len(self._blocks[-2]) // 2:
            last = self._blocks.pop()
            self._blocks[-1] = np.union1d(self._blocks[-1], last)
        return [place for place in np.flatnonzero(known).tolist() if ids[place] is not None]
