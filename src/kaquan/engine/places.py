"""How many redeemables the stacking rules still let in."""

from kaquan.engine.candidate import Candidate
from kaquan.engine.reasons import Reason, ReasonCode
from kaquan.engine.stacking import StackingRules
from kaquan.engine.standing import Standing, find_standing


class Places:
    """Keeps count over one decision of what was applied: in all, exclusive, by category."""

    def __init__(self, rules: StackingRules) -> None:
        self._rules = rules
        self._applied = 0
        self._exclusive = 0
        self._by_category: dict[str, int] = {}

    def copy(self) -> "Places":
        """The same counts, to go on from separately."""
        twin = Places(self._rules)
        twin._applied = self._applied
        twin._exclusive = self._exclusive
        twin._by_category = self._by_category.copy()
        return twin

    def check(self, candidate: Candidate) -> Reason | None:
        """The limit that leaves no place for the candidate, if any."""
        rules = self._rules
        if self._applied >= rules.max_applied:
            return Reason(ReasonCode.APPLIED_LIMIT, {"limit": rules.max_applied})
        is_exclusive = find_standing(candidate, rules) is Standing.EXCLUSIVE
        if is_exclusive and self._exclusive >= rules.max_exclusive:
            return Reason(ReasonCode.EXCLUSIVE_LIMIT, {"limit": rules.max_exclusive})
        for name in candidate.category_ids:
            limit = rules.limit_of(name)
            if self._by_category.get(name, 0) >= limit:
                exclusive = name in rules.exclusive_categories
                code = (
                    ReasonCode.EXCLUSIVE_CATEGORY_LIMIT if exclusive else ReasonCode.CATEGORY_LIMIT
                )
                return Reason(code, {"category_id": name, "limit": limit})
        return None

    def take(self, candidate: Candidate) -> None:
        """Give the candidate a place."""
        self._applied += 1
        self._exclusive += find_standing(candidate, self._rules) is Standing.EXCLUSIVE
        for name in candidate.category_ids:
            self._by_category[name] = self._by_category.get(name, 0) + 1
