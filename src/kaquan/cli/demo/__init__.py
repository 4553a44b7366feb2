"""``kaquan demo``: a year of a real grocer's purchases, its campaigns, and a new one."""

from kaquan.cli.demo.model import DemoAccess
from kaquan.cli.demo.run import check_fitting, run_demo

__all__ = ["DemoAccess", "check_fitting", "run_demo"]
