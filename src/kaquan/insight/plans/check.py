"""What a plan may not ask: numbers out of range, and limits that contradict each other."""

from kaquan.experiments import WHOLE_BPS, Experiment
from kaquan.insight.plans.model import PlanDraft, SegmentCap
from kaquan.runtime import InvalidInput, Tx, check_whole_number, words
from kaquan.segments import get_segment

MOST_SEGMENT_CAPS = 8
LEAST_FLOOR_BPS = 10
"""The chance that every open arm keeps at least: without one, no certificate can be watched."""
_LONGEST_DAYS = 365


async def check_limits(tx: Tx, draft: PlanDraft, experiment: Experiment) -> tuple[SegmentCap, ...]:
    """Return the segment caps with the segments' ids. Raises NotFound, and InvalidInput."""
    _check_numbers(draft, experiment)
    budget, cap = draft.budget_minor, draft.person_cap_minor
    if budget is not None and cap is not None and cap > budget:
        message = "One customer may not cost more than all together: the cap is above the budget."
        raise InvalidInput(message, field="person_cap_minor")
    if len(draft.segment_caps) > MOST_SEGMENT_CAPS:
        message = words("A plan has at most %(most)s caps of segments.", most=MOST_SEGMENT_CAPS)
        raise InvalidInput(message, field="segment_caps")
    found: dict[str, SegmentCap] = {}
    for place, one in enumerate(draft.segment_caps):
        field = f"segment_caps[{place}]"
        _check_cap(draft, one, field)
        segment = await get_segment(tx, one.segment_id)
        if segment.id in found:
            message = "This segment is capped twice."
            raise InvalidInput(message, field=f"{field}.segment_id")
        found[segment.id] = SegmentCap(
            segment_id=segment.id, budget_minor=one.budget_minor, contacts=one.contacts
        )
    return tuple(found.values())


def _check_numbers(draft: PlanDraft, experiment: Experiment) -> None:
    if draft.budget_minor is not None:
        check_whole_number(draft.budget_minor, "budget_minor", least=0)
    most = WHOLE_BPS // (len(experiment.arms) + 1)
    check_whole_number(draft.floor_bps, "floor_bps", least=LEAST_FLOOR_BPS, most=most)
    check_whole_number(draft.seed, "seed", least=0, most=2**31)
    for name in ("person_cap_minor", "contact_limit", "contacts"):
        value = getattr(draft, name)
        if value is not None:
            check_whole_number(value, name, least=1)
    for name in ("person_days", "contact_days"):
        check_whole_number(getattr(draft, name), name, least=1, most=_LONGEST_DAYS)


def _check_cap(draft: PlanDraft, cap: SegmentCap, field: str) -> None:
    if cap.budget_minor is None and cap.contacts is None:
        message = "A segment's cap limits its budget, its contacts, or both."
        raise InvalidInput(message, field=field)
    for name, whole in (("budget_minor", draft.budget_minor), ("contacts", draft.contacts)):
        part = getattr(cap, name)
        if part is None:
            continue
        check_whole_number(part, f"{field}.{name}", least=0)
        if whole is not None and part > whole:
            message = "A segment may not have more than everybody together."
            raise InvalidInput(message, field=f"{field}.{name}")
