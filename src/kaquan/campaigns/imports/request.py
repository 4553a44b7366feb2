"""Asking for work on many vouchers."""

from datetime import datetime

import msgspec

from kaquan.campaigns.imports.model import VoucherWork, WorkRequest
from kaquan.campaigns.jobs import work_on_vouchers
from kaquan.customers import check_headers, write_csv
from kaquan.runtime import (
    AsyncAction,
    InvalidInput,
    Tx,
    append_to_file,
    create_file,
    defer_job,
    get_project,
    start_action,
)

REPORT_HEADER = ("row", "line", "code", "reason", "values")
_START = 64 * 1024


async def request_voucher_work(
    tx: Tx,
    work: VoucherWork,
    file_id: str,
    *,
    campaign_id: str | None = None,
    rows: int | None,
    now: datetime,
) -> AsyncAction:
    """Record that the rows of a stored file are to be worked on; a job does it.

    ``rows`` is about how many there are. A file comes as CSV or as a JSON object a line, as the
    kind of work says.
    """
    report_id = await create_file(tx, f"{work.value.replace('.', '-')}.csv", now=now)
    await append_to_file(tx, report_id, write_csv([REPORT_HEADER]))
    request = WorkRequest(
        file_id=file_id,
        is_csv=work.value.endswith("_csv"),
        campaign_id=campaign_id,
        report_id=report_id,
    )
    action = await start_action(
        tx, work.value, request=msgspec.to_builtins(request), total=rows, now=now
    )
    project = await get_project(tx)
    await defer_job(tx, work_on_vouchers, project_id=project.project_id, action_id=action.id)
    return action


def check_voucher_file(start: bytes) -> None:
    """Raise InvalidInput when a CSV file, by its beginning, can have no vouchers."""
    if not start.strip():
        raise InvalidInput("The file is empty.", field="file")
    check_headers(start[:_START], ("code",))
