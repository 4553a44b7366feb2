"""Models on the command line: what is lacking is said, and nothing is made up."""

import json

from cli.conftest import CalledLine


def test_an_empty_shop_is_told_what_a_model_needs(shop_line: CalledLine) -> None:
    program = shop_line
    program.init()
    assert program.run_here("lake", "sync").returncode == 0
    refused = program.run_here("models", "train", "next_purchase")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "0 customers have a record" in refused.stderr
    listed = program.run_here("models", "list", "--json")
    assert (listed.returncode, json.loads(listed.stdout)) == (0, [])
