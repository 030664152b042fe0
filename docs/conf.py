"""Sphinx: `make docs`. Nothing is fetched, by the build or by a reader."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

import medgym_ray

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "medgym_ray"
author = "the authors of medgym_ray"
release = version = medgym_ray.__version__

extensions = ["medgym_docs", "myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary"]
exclude_patterns = ["_ext"]

myst_heading_anchors = 3

autosummary_generate = True
autosummary_generate_overwrite = True
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "undoc-members": True, "show-inheritance": True}
autodoc_mock_imports = ["vllm", "torch", "transformers", "trl", "peft", "datasets"]  # of extras that this build has not
default_role = "code"  # single backticks of docstrings

html_theme = "furo"
html_title = "medgym_ray"
html_copy_source = False
html_show_sphinx = False


def _measurements(_app: "Sphinx", _page: str, source: list[str]) -> None:
    """On a file browser pages link to the file of measurements, here to the page that shows it."""
    source[0] = source[0].replace("](../benchmarks/RESULTS.md", "](measurements.md")


def setup(app: "Sphinx") -> None:
    """Sphinx's entry point."""
    app.connect("source-read", _measurements)
