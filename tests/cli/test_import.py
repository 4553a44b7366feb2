"""``kaquan import``: a file on this machine, by the same code as one that is sent."""

import json
from pathlib import Path

import pytest

from cli.conftest import CalledLine


@pytest.mark.parametrize(
    ("kind", "said"),
    [("cats", "customers, orders, products, locations, events"), ("customers", "--mapping")],
)
def test_what_cannot_be_meant_is_said(
    called_line: CalledLine, tmp_path: Path, kind: str, said: str
) -> None:
    file, mapping = tmp_path / "f.csv", tmp_path / "m.json"
    file.write_text("id\n1\n")
    mapping.write_text('{"fields": {"source_id": 1}}')
    done = called_line.run("import", kind, str(file), "--mapping", str(mapping))
    assert done.returncode == 1
    assert said in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr


def test_a_file_is_tried_and_imported(shop_line: CalledLine, tmp_path: Path) -> None:
    line = shop_line
    line.init()
    file, rejects = tmp_path / "members.csv", tmp_path / "rejects.csv"
    file.write_bytes("会员号,姓名,生日\nm1,李雷,1990-05-31\nm2,韩梅梅,never\n".encode("gbk"))
    tried = line.run_here("import", "customers", str(file), "--dry-run", "--save-profile", "till")
    assert tried.returncode == 2, tried.stderr
    assert "Read as csv, gb18030" in tried.stdout
    assert "line 3: birth_date" in tried.stderr
    options = ("--profile", "till", "--rejects", str(rejects), "--json")
    done = line.run_here("import", "customers", str(file), *options)
    assert done.returncode == 2, done.stderr
    result = json.loads(done.stdout)["result"]
    assert (result["added"], result["failed_count"]) == (1, 1)
    assert rejects.read_text().splitlines()[1].startswith("m2,韩梅梅,never,3,")
    again = line.run_here("import", "customers", str(file), "--json")
    assert json.loads(again.stdout)["result"]["unchanged"] == 1
