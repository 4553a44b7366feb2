"""``kaquan demo``: a year of a real grocer's purchases, its campaigns, and two new ones."""

from kaquan.cli.demo.doubles import SURE_PPM
from kaquan.cli.demo.model import DemoAccess
from kaquan.cli.demo.people import enter_again, judge_pairs, make_up_household
from kaquan.cli.demo.run import check_fitting, run_demo

__all__ = [
    "SURE_PPM",
    "DemoAccess",
    "check_fitting",
    "enter_again",
    "judge_pairs",
    "make_up_household",
    "run_demo",
]
