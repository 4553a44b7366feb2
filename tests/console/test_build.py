"""The build hook: what it makes of a package folder, when it works, and what it says when it fails."""

import gzip
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def load_hook() -> ModuleType:
    """`hatch_build.py` as a module."""
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hook = load_hook()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the files that decide about the assets, with the assets built in this checkout."""
    for name in hook.INPUTS:
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / hook.VENDOR, tmp_path / hook.VENDOR)
    return tmp_path


def test_what_is_built_is_not_built_again(checkout: Path) -> None:
    before = (checkout / hook.VENDOR / hook.MANIFEST).stat().st_mtime_ns
    hook.build_assets(checkout)
    assert hook.is_built(checkout)
    assert (checkout / hook.VENDOR / hook.MANIFEST).stat().st_mtime_ns == before


@pytest.mark.parametrize("change", ["package.json", "package-lock.json", "hatch_build.py"])
def test_a_changed_input_asks_for_a_build(checkout: Path, change: str) -> None:
    with (checkout / change).open("a", encoding="utf-8") as file:
        file.write("\n")
    assert not hook.is_built(checkout)


def test_a_lost_file_asks_for_a_build(checkout: Path) -> None:
    next((checkout / hook.VENDOR).glob("htmx.*.js")).unlink()
    assert not hook.is_built(checkout)


def test_collecting_hashes_compresses_and_lists(tmp_path: Path) -> None:
    modules, target = tmp_path / "modules", tmp_path / "vendor"
    (modules / "icons").mkdir(parents=True)
    target.mkdir()
    (modules / "a.min.js").write_text("let a;\n//# sourceMappingURL=a.min.js.map", "utf-8")
    (modules / "icons" / "x.svg").write_text(
        '<svg width="24">\n  <path d="M1 1"/>\n</svg>', "utf-8"
    )
    (modules / "LICENSE").write_text("Do as you like.", "utf-8")
    wanted = {
        "files": {"a.js": "a.min.js"},
        "licences": {"A": "LICENSE"},
        "icon_folder": "icons",
        "icons": ["x"],
    }
    hook.collect_files(modules, target, wanted=wanted, stamp="s")
    manifest = json.loads((target / "manifest.json").read_text("utf-8"))
    script = target / manifest["files"]["a.js"]
    assert script.read_bytes() == b"let a;\n"
    assert gzip.decompress((target / f"{script.name}.gz").read_bytes()) == b"let a;\n"
    sprite = (target / manifest["files"]["icons.svg"]).read_text("utf-8")
    assert '<symbol id="x" viewBox="0 0 24 24"><path d="M1 1"/></symbol>' in sprite
    assert "Do as you like." in (target / "LICENCES.txt").read_text("utf-8")
    assert manifest["stamp"] == "s"


def test_failing_npm_is_explained_and_leaves_the_old_files(checkout: Path) -> None:
    with (checkout / "package.json").open("a", encoding="utf-8") as file:
        file.write("\n")
    unreachable = {
        "npm_config_registry": "http://127.0.0.1:9/",
        "npm_config_cache": str(checkout / "cache"),
        "npm_config_fetch_retries": "0",
    }
    result = subprocess.run(
        [sys.executable, str(checkout / "hatch_build.py")],
        env={**os.environ, **unreachable},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "`npm ci` failed" in result.stderr
    assert "Traceback" not in result.stderr
    assert any((checkout / hook.VENDOR).glob("htmx.*.js"))


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    assert [name for name, entry in packages.items() if "integrity" not in entry] == []
