"""Who gets an offer and who is held out, so that what it earned can be measured."""

from kaquan.experiments.assign import WHOLE_BPS, assign_arm
from kaquan.experiments.expose import record_exposures
from kaquan.experiments.model import Arm, Assignment, Exposure, ExposureCounts
from kaquan.experiments.store import count_exposures, find_exposure, list_exposures

__all__ = [
    "WHOLE_BPS",
    "Arm",
    "Assignment",
    "Exposure",
    "ExposureCounts",
    "assign_arm",
    "count_exposures",
    "find_exposure",
    "list_exposures",
    "record_exposures",
]
