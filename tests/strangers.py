"""Packages of strangers, as pip would have installed them."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

Install = Callable[..., str]
_NUMBERS = itertools.count()


def installer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """`install(group, name, code, …)` makes one whose entry point names `It` of a module, whose name comes back."""

    def install(group: str, name: str, code: str, package: str = "stranger", version: str = "1.2") -> str:
        module = f"strange_{next(_NUMBERS)}"  # another each time: what was imported once stays imported
        site = folder / module
        metadata = site / f"{package.replace('-', '_')}-{version}.dist-info"
        metadata.mkdir(parents=True)
        (site / f"{module}.py").write_text(code)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        (metadata / "entry_points.txt").write_text(f"[medgym_ray.{group}]\n{name} = {module}:It\n")
        monkeypatch.syspath_prepend(site)
        return module

    return install
