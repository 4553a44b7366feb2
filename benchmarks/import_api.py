"""How fast a large CSV file comes in over HTTP, and how much memory the server takes for it.

Ours: the file sent to ``/v1/vouchers/importCSV`` (semicolons, a byte-order mark) and to
``/v1/customers/importCSV`` (GBK), stored in parts, read row by row by the worker, checked and
stored; one row in a thousand is wrong and must stand in the report with its line and reason, all
others must be there. The baseline: a COPY of the same rows into a table of texts, which checks,
finds and indexes nothing.

Prints one line of JSON: rows a second and ratios to the baseline, and the highest resident memory
of any process of the server, after files of a tenth of the rows and after the whole. Rows:
``python -m benchmarks.import_api [rows]``, by default 100,000; with ``KAQUAN_BENCH_QUICK`` 5,000.
"""

import csv
import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg

from benchmarks.stage import Shop, open_shop, serve

WRONG_EVERY = 1_000
PATIENCE_S = 1_800
GIVEN, FAMILY = "伟芳娜敏静丽强磊军洋", "王李张刘陈杨黄赵吴周"


class Kind(msgspec.Struct, frozen=True):
    """One sort of file: where it is sent, how it is written, and its rows."""

    path: str
    encoding: str
    delimiter: str
    columns: tuple[str, ...]
    row: Callable[[str, bool], tuple[str, ...]]


def voucher_row(name: str, wrong: bool) -> tuple[str, ...]:
    """A coupon worth 5; a wrong one without a value."""
    return f"C-{name}", "DISCOUNT_VOUCHER", "" if wrong else "5", "AMOUNT", "2030-12-31"


def customer_row(name: str, wrong: bool) -> tuple[str, ...]:
    """A member; a wrong one with an address that is none."""
    number = int(name[1:])
    called = FAMILY[number % 10] + GIVEN[number // 10 % 10]
    return called, "nowhere" if wrong else f"{name}@example.com", f"M-{name}", "上海"


KINDS = {
    "vouchers": Kind(
        "/v1/vouchers/importCSV",
        "utf-8-sig",
        ";",
        ("Code", "Voucher Type", "Value", "Discount Type", "Expiration Date"),
        voucher_row,
    ),
    "customers": Kind(
        "/v1/customers/importCSV",
        "gb18030",
        ",",
        ("Name", "Email", "Source_id", "Address_city"),
        customer_row,
    ),
}


def main() -> None:
    """Import a tenth of the rows, then all of them, and print what that took."""
    quick = bool(os.environ.get("KAQUAN_BENCH_QUICK"))
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000 if quick else 100_000
    figures: dict[str, Any] = {"name": "import_api", "rows": rows, "unit": "rows/s"}
    with open_shop() as shop, serve(shop, worker=True) as port:
        address = f"http://127.0.0.1:{port}"
        for label, kind in KINDS.items():
            small, large = shop.data_dir / "small.csv", shop.data_dir / "large.csv"
            write_file(small, kind, rows // 10, mark="s")
            write_file(large, kind, rows, mark="l")
            send_file(shop, address, kind, small)
            figures[f"{label}_peak_of_tenth_mib"] = peak_mib(shop)
            sent, took, refused = send_file(shop, address, kind, large)
            if refused != rows // WRONG_EVERY:
                message = f"{label}: {refused} rows refused, {rows // WRONG_EVERY} are wrong"
                raise RuntimeError(message)
            bare = copy_bare(shop, kind, large)
            figures[f"{label}_rows_per_s"] = round(rows / took)
            figures[f"{label}_ratio"] = round(bare / took, 4)
            figures[f"{label}_upload_s"] = round(sent, 2)
            figures[f"{label}_peak_mib"] = peak_mib(shop)
    print(json.dumps(figures))


def make_rows(kind: Kind, count: int, mark: str) -> Iterator[tuple[str, ...]]:
    """Yield the rows of a file; the last of each thousand is wrong."""
    for number in range(1, count + 1):
        yield kind.row(f"{mark}{number}", number % WRONG_EVERY == 0)


def write_file(path: Path, kind: Kind, count: int, *, mark: str) -> None:
    """Write a file row by row."""
    with path.open("w", encoding=kind.encoding, newline="") as file:
        writer = csv.writer(file, delimiter=kind.delimiter)
        writer.writerow(kind.columns)
        writer.writerows(make_rows(kind, count, mark))


def send_file(shop: Shop, address: str, kind: Kind, path: Path) -> tuple[float, float, int]:
    """Send a file and wait for the worker; gives the seconds of both and how many rows it refused."""
    began = time.perf_counter()
    with (
        httpx.Client(base_url=address, headers=shop.headers, timeout=120) as client,
        path.open("rb") as file,
    ):
        answer = client.post(kind.path, files={"file": (path.name, file, "text/csv")})
        if answer.status_code != 202:
            raise RuntimeError(answer.text)
        sent = time.perf_counter() - began
        action = f"/v1/async-actions/{answer.json()['async_action_id']}"
        while time.perf_counter() - began < PATIENCE_S:
            told = client.get(action).json()
            if told["status"] in ("DONE", "FAILED"):
                took = time.perf_counter() - began
                report = client.get(action.replace("/v1/", "/v1/kaquan/") + "/report")
                refused = count_refused(report.text)
                return sent, took, refused
            time.sleep(0.2)
    message = "the import did not end"
    raise RuntimeError(message)


def count_refused(report: str) -> int:
    """How many rows a report refuses; each must name its line and say why."""
    refused = list(csv.DictReader(io.StringIO(report)))
    unexplained = [one for one in refused if not one["line"] or not one["reason"]]
    if unexplained:
        message = f"refused without line or reason: {unexplained[:3]}"
        raise RuntimeError(message)
    return len(refused)


def peak_mib(shop: Shop) -> int:
    """The highest resident memory of any process that serves the shop, in MiB."""
    peaks: list[int] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "cmdline").read_bytes().split(b"\0")
            status = (process / "status").read_text()
        except OSError:
            continue
        if b"serve" in told and os.fsencode(shop.data_dir) in told:
            line = next((one for one in status.splitlines() if one.startswith("VmHWM")), "0 0")
            peaks.append(int(line.split()[1]) // 1024)
    return max(peaks)


def copy_bare(shop: Shop, kind: Kind, path: Path) -> float:
    """Seconds that a COPY of the file's rows and its commit take."""
    with psycopg.connect(shop.url) as connection:
        columns = ", ".join(f"c{number} text" for number in range(len(kind.columns)))
        connection.execute("drop table if exists bare")
        connection.execute(f"create table bare ({columns})")  # pyright: ignore[reportCallIssue, reportArgumentType] - only numbers
        connection.commit()
        text = path.read_text(encoding=kind.encoding).encode()
        began = time.perf_counter()
        statement = f"copy bare from stdin (format csv, header, delimiter '{kind.delimiter}')"
        with connection.cursor() as cursor, cursor.copy(statement) as copy:  # pyright: ignore[reportCallIssue, reportArgumentType] - as above
            copy.write(text)
        connection.commit()
        return time.perf_counter() - began


if __name__ == "__main__":
    main()
