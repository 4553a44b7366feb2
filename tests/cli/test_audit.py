"""``kaquan audit verify``: as an operator runs it."""

from cli.conftest import CalledLine


def test_a_fresh_chain_is_intact_and_an_unknown_head_is_missed(shop_line: CalledLine) -> None:
    program = shop_line
    project = program.init()["project_id"]
    whole = program.run_here("audit", "verify")
    assert whole.returncode == 0, whole.stderr
    assert f"{project}: " in whole.stdout
    head = whole.stdout.strip().rpartition(" ")[2]
    assert program.run_here("audit", "verify", "--expect", head).returncode == 0
    lost = program.run_here("audit", "verify", "--expect", "00" * 32)
    assert lost.returncode == 1
    assert "in no chain" in lost.stderr
    assert program.run_here("audit", "verify", "--expect", "head").returncode == 1
