"""The compatibility table: every method of the official client is called, and what works is told.

``make compatibility`` writes the table; here it must be true as it stands.
"""

# pyright: reportPrivateImportUsage=false

import inspect
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import voucherify
from voucherify.exceptions import ApiException

from contract.calls import Call, Shop, load_calls
from kaquan.cli.job_worker import ROOMS_WITH_TASKS
from kaquan.runtime import Database, JobServices, load_settings, run_worker

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "compatibility.md"
WRITE = "KAQUAN_WRITE_COMPATIBILITY"
METHODS = 241
LATER = {
    "/branding": "brands dress the vendor's hosted cockpits and mails; here messages are the shop's"
    " own templates and pages have its name",
}
"""Why what is not there yet is not: by a part of the route."""
_ROUTE = re.compile(r"method='(\w+)',\s*resource_path='([^']+)'")


class Method(msgspec.Struct, frozen=True):
    """A method of the client and the route that it calls."""

    api: str
    name: str
    route: str


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:(GET|POST|PUT|DELETE) /v1/.* is deprecated:DeprecationWarning")
async def test_the_compatibility_table_is_true(
    client: voucherify.ApiClient, database: Database, postgres_url: str
) -> None:
    async def work() -> None:
        await run_worker(postgres_url, JobServices(database, load_settings()), until_empty=True)

    # Imported, these have told the queue their tasks.
    assert all(room.__name__.startswith("kaquan.") for room in ROOMS_WITH_TASKS)
    methods = list_methods()
    assert len(methods) == METHODS
    calls = load_calls()
    refuse_unknown_calls(methods, calls)
    shop = Shop(client, work)
    verdicts: dict[Method, bool] = {}
    broken: list[str] = []
    for method in methods:
        try:
            call = calls.get(method.api, {}).get(method.name)
            verdicts[method] = await is_done(shop, call)
        except Exception as error:
            broken.append(f"{method.api}.{method.name}: {error}")
    assert not broken, "\n\n".join(broken)
    page = write_page(verdicts)
    if os.environ.get(WRITE):
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(page)
    assert PAGE.read_text() == page, "run: make compatibility"


def list_methods() -> list[Method]:
    """Every method of every API of the client, in the order of their names."""
    found: list[Method] = []
    for name, api in sorted(inspect.getmembers(voucherify, inspect.isclass)):
        if not name.endswith("Api"):
            continue
        for method, function in sorted(inspect.getmembers(api, inspect.isfunction)):
            serialize = getattr(api, f"_{method}_serialize", None)
            if serialize is None or function.__qualname__.partition(".")[0] != name:
                continue
            route = _ROUTE.search(inspect.getsource(serialize))
            assert route is not None, f"{name}.{method} names no route"
            module = api.__module__.rpartition(".")[2]
            found.append(Method(module, method, f"{route[1]} {route[2]}"))
    return found


def refuse_unknown_calls(methods: list[Method], calls: Mapping[str, Mapping[str, Call]]) -> None:
    """Fail for a call of something that the client does not have."""
    known = {(method.api, method.name) for method in methods}
    for api, named in calls.items():
        assert not {(api, name) for name in named} - known


async def is_done(shop: Shop, call: Call | None) -> bool:
    """Make a call and say whether it worked; what is refused for other reasons is a failure."""
    if call is None:
        return False
    try:
        answer = call(shop)
        if inspect.isawaitable(answer):
            await answer
    except ApiException as error:
        if is_missing(error):
            return False
        raise
    return True


def is_missing(error: ApiException) -> bool:
    """Say whether the server does not do this: 501, or no such route (404 without an object)."""
    answer: Any = error
    status, body = answer.status, str(answer.body)
    return status in (405, 501) or (status == 404 and "resource_id" not in body)


def write_page(verdicts: Mapping[Method, bool]) -> str:
    """The page as it is committed."""
    done = sum(verdicts.values())
    version = voucherify.__version__
    lines = [
        "# Compatibility",
        "",
        f"Every method of the PyPI client `voucherify` ({version}), called against a running",
        f"server: **{done} of {len(verdicts)}** are done. The rest answers 501 with a problem",
        "detail, for the reason given. `make compatibility` writes this page from the calls in",
        "`tests/contract/calls`; `make test` fails when it is not true.",
    ]
    api = ""
    for method, verdict in verdicts.items():
        if method.api != api:
            api = method.api
            own = [value for one, value in verdicts.items() if one.api == api]
            title = api.removesuffix("_api").replace("_", " ").capitalize()
            lines += ["", f"## {title} ({sum(own)} of {len(own)})", ""]
            lines += ["| method | route | |", "|---|---|---|"]
        word = "done" if verdict else f"not yet: {_find_reason(method)}"
        lines.append(f"| `{method.name}` | `{method.route}` | {word} |")
    return "\n".join(lines) + "\n"


def _find_reason(method: Method) -> str:
    reasons = [reason for part, reason in LATER.items() if part in method.route]
    assert len(reasons) == 1, f"say why {method.api}.{method.name} is not there yet"
    return reasons[0]


@pytest.mark.parametrize(
    ("status", "body", "missing"),
    [
        (501, "{}", True),
        (405, "{}", True),
        (404, '{"key": "not_found"}', True),
        (404, '{"key": "not_found", "resource_id": "x"}', False),
        (400, "{}", False),
        (500, "{}", False),
    ],
)
def test_what_counts_as_missing(status: int, body: str, missing: bool) -> None:
    assert is_missing(ApiException(status=status, body=body)) is missing
