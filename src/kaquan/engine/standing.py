"""What the categories of a redeemable mean for the others."""

from enum import StrEnum

from kaquan.engine.candidate import Candidate
from kaquan.engine.stacking import StackingRules


class Standing(StrEnum):
    """COMMON gives way to EXCLUSIVE; JOINT goes along with everything."""

    COMMON = "common"
    EXCLUSIVE = "exclusive"
    JOINT = "joint"


def find_standing(candidate: Candidate, rules: StackingRules) -> Standing:
    """Of several categories an exclusive one decides, then a joint one."""
    if not candidate.categories:
        return Standing.COMMON
    ids = set(candidate.category_ids)
    if not ids.isdisjoint(rules.exclusive_categories):
        return Standing.EXCLUSIVE
    if not ids.isdisjoint(rules.joint_categories):
        return Standing.JOINT
    return Standing.COMMON
