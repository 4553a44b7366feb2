"""Whether a customer may be given a campaign's offer on asking, and logging that they asked.

Whoever asks for something that is measured takes part in the measurement: the arm is drawn (or
read, where it is logged), and logged whichever it is. So those who asked and got it can be
compared with those who asked and did not.
"""

from datetime import datetime

from kaquan.experiments.assign import assign_arm, assign_variant
from kaquan.experiments.experiment_store import insert_placements
from kaquan.experiments.model import HOLDOUT, Arm, Assignment, Placement, Standing
from kaquan.experiments.store import ask_standing, insert_arms
from kaquan.runtime import Tx


class Admissions:
    """Customers judged on what is logged of them; new assignments wait to be recorded."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self._arms: dict[tuple[str, str], Assignment] = {}
        self._placed: dict[str, Placement] = {}

    def admit(self, campaign_id: str, customer_id: str, *, holdout_bps: int) -> bool:
        """Whether the customer is in neither the global holdout nor the campaign's.

        Without a share held out (0) the campaign keeps nobody out and logs nobody.
        """
        if self._is_out_of_all(customer_id):
            return False
        if not holdout_bps:
            return True
        pair = campaign_id, customer_id
        known = self._standing.arms.get(pair) or self._arms.get(pair)
        if known is None:
            known = assign_arm(campaign_id, customer_id, holdout_bps=holdout_bps)
            self._arms[pair] = known
        return known.arm is Arm.TREATMENT

    @property
    def met(self) -> tuple[tuple[tuple[str, str], Assignment], ...]:
        """The campaigns' arms that are not logged yet, by campaign and customer."""
        return tuple(self._arms.items())

    async def record(self, tx: Tx, *, now: datetime) -> None:
        """Log who was met for the first time; nothing is sent to the database for none."""
        if self._arms:
            await insert_arms(tx, list(self._arms.items()), now=now)
        everywhere = self._standing.everywhere
        if everywhere is not None and self._placed:
            await insert_placements(tx, everywhere.id, list(self._placed.items()), now=now)

    def _is_out_of_all(self, customer_id: str) -> bool:
        everywhere = self._standing.everywhere
        if everywhere is None:
            return False
        known = self._standing.placed.get(customer_id) or self._placed.get(customer_id)
        if known is None:
            known = assign_variant(everywhere, customer_id)
            if known is None:
                return False
            self._placed[customer_id] = known
        return known.arm == HOLDOUT


async def admit_customer(
    tx: Tx, campaign_id: str, customer_id: str, *, holdout_bps: int, now: datetime
) -> bool:
    """Judge one customer and log the arm."""
    pairs = [(campaign_id, customer_id)] if holdout_bps else []
    standing = await (await ask_standing(tx, pairs, [customer_id])).read()
    admissions = Admissions(standing)
    admitted = admissions.admit(campaign_id, customer_id, holdout_bps=holdout_bps)
    await admissions.record(tx, now=now)
    return admitted
