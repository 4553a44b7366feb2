"""What schemathesis reports of each request, read back: what was sent, answered and followed."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec

Json = dict[str, Any]


class Notes(msgspec.Struct):
    """Counts of what was sent, to be added up over several runs."""

    sent: Counter[str]
    """Requests, by operation as ``GET /v1/vouchers``."""
    reached: Counter[str]
    """Requests that were answered 2xx or 3xx, by operation."""
    modes: Counter[str]
    """Requests that were meant to be right (positive) and wrong (negative)."""
    followed: Counter[str]
    """Requests in which a link of the document was followed, by where it leads from and to."""
    guessed: Counter[str]
    """The same with links that the document has not, which schemathesis thought of itself."""
    statuses: Counter[str]
    """Answers, by status."""

    @classmethod
    def nothing(cls) -> "Notes":
        """Nothing yet."""
        return cls(*(Counter[str]() for _ in cls.__struct_fields__))

    def add(self, other: "Notes") -> None:
        """Add what another run sent."""
        for name in self.__struct_fields__:
            getattr(self, name).update(getattr(other, name))

    @property
    def cases(self) -> int:
        """How many requests were answered."""
        return self.statuses.total()


def read_notes(report: Path) -> Notes:
    """Read the NDJSON report of one run, event by event."""
    notes = Notes.nothing()
    with report.open(encoding="utf-8") as lines:
        for line in lines:
            recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder")
            if recorder:
                _note(notes, recorder)
    return notes


def _note(notes: Notes, recorder: Json) -> None:
    for case, status in _answered(recorder):
        value = cast("Json", case["value"])
        label = f"{value['method']} {value['path']}"
        notes.sent[label] += 1
        notes.statuses[str(status)] += 1
        notes.modes[value["meta"]["generation"]["mode"]] += 1
        if status < 400:
            notes.reached[label] += 1
        step = case.get("transition")
        if step and case["is_transition_applied"]:
            (notes.guessed if step["is_inferred"] else notes.followed)[step["id"]] += 1


def _answered(recorder: Json) -> Iterator[tuple[Json, int]]:
    # A scenario in which nothing could be sent has none.
    for name, interaction in cast("Json", recorder.get("interactions", {})).items():
        response = interaction.get("response")
        if isinstance(response, dict) and name in recorder["cases"]:
            yield recorder["cases"][name], cast("Json", response)["status_code"]
