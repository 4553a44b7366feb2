"""The lake and exports on the command line."""

from pathlib import Path

from cli.conftest import CalledLine


def test_copying_checking_and_exporting(shop_line: CalledLine, tmp_path: Path) -> None:
    program = shop_line
    program.init()
    early = program.run_here("export", "orders", "--out", str(tmp_path / "early.csv"))
    assert (early.returncode, "kaquan lake sync" in early.stderr) == (1, True)
    for command in ("sync", "compact", "check"):
        done = program.run_here("lake", command)
        assert done.returncode == 0, done.stderr
    out = tmp_path / "revenue.xlsx"
    done = program.run_here(
        *("export", "revenue", "--format", "xlsx", "--grain", "day"),
        *("--since", "2026-01-01", "--until", "2026-01-31", "--out", str(out)),
    )
    assert (done.returncode, "31 rows" in done.stdout) == (0, True), done.stderr
    assert out.read_bytes()[:2] == b"PK"
    for arguments, said in (
        (("nonsense",), "no table or metric"),
        (("revenue", "--grain", "minute"), "--grain"),
        (("revenue", "--format", "doc"), "--format"),
    ):
        wrong = program.run_here("export", *arguments, "--out", str(tmp_path / "wrong"))
        assert (wrong.returncode, said in wrong.stderr) == (1, True), wrong.stderr


def test_the_reference_is_printed(called_line: CalledLine) -> None:
    printed = called_line.run("lake", "metrics")
    assert printed.stdout.startswith("# Metrics")
