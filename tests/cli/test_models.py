"""Models on the command line: what is lacking is said, and nothing is made up."""

import json
from pathlib import Path

import pytest

from cli.conftest import CommandLine


@pytest.mark.slow
def test_an_empty_shop_is_told_what_a_model_needs(tmp_path: Path) -> None:
    program = CommandLine(tmp_path / "data")
    program.init()
    assert program.run_here("lake", "sync").returncode == 0
    refused = program.run_here("models", "train", "next_purchase")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "0 customers have a record" in refused.stderr
    listed = program.run_here("models", "list", "--json")
    assert (listed.returncode, json.loads(listed.stdout)) == (0, [])
