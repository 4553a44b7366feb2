"""One valid, minimal call of each method of the official client, by API.

Each module holds ``CALLS``: the method's name and a function that makes the call with what a
``Shop`` offers. A method without a call here counts as not done; add it with the route.
"""

import importlib
import pkgutil
from collections.abc import Mapping

from contract.calls.shop import Call, Shop

__all__ = ["Call", "Shop", "load_calls"]


def load_calls() -> Mapping[str, Mapping[str, Call]]:
    """Return the calls by module name, which is that of the client's API, and by method."""
    modules = [one.name for one in pkgutil.iter_modules(__path__) if one.name.endswith("_api")]
    return {name: importlib.import_module(f"{__name__}.{name}").CALLS for name in sorted(modules)}
