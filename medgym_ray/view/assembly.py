"""The page: markup, style and scripts of `page/` in one file, with a run's data as compressed base64 in data blocks.

Nothing of a run is ever part of the markup, so nothing of it can break out. The content security policy names the
page's own script and style by their hashes and forbids every request; only a page with files beside it may load
scripts from its own place, and a served one may ask its own server.
"""

import base64
import gzip
import hashlib
from enum import StrEnum
from pathlib import Path
from typing import Any

from medgym_ray.view.bodies import to_json

_PAGE = Path(__file__).with_name("page")
MARK = '<meta name="generator" content="medgym_ray view">'
"""Tells a page of ours from any other file."""
_SCRIPTS = (
    *("dom", "data", "bodies", "filters", "highlight", "charts", "overview", "list", "tokens", "trajectory"),
    *("comparison", "main"),
)
"""In the order of their needs; together they are one script."""


class Bodies(StrEnum):
    """Where trajectories' texts are."""

    INSIDE = "inside"
    BESIDE = "beside"
    SERVED = "served"


def assemble(data: dict[str, Any], where: Bodies, chunks: list[str] | None = None) -> str:
    """The HTML of a page; `chunks` are packed, and inside it."""
    style = (_PAGE / "style.css").read_text(encoding="utf-8")
    parts = "\n".join((_PAGE / f"{name}.js").read_text(encoding="utf-8") for name in _SCRIPTS)
    script = f'"use strict";\n(() => {{\n{parts}\n}})();\n'
    blocks = [_block("data", pack(to_json({**data, "where": where.value})))]
    blocks += [_block(f"chunk-{number}", chunk) for number, chunk in enumerate(chunks or [])]
    replaced = {
        "{{policy}}": _policy(style, script, where),
        "{{mark}}": MARK,
        "{{style}}": style,
        "{{data}}": "\n".join(blocks),
        "{{script}}": script,
    }
    html = (_PAGE / "page.html").read_text(encoding="utf-8")
    for place, text in replaced.items():
        before, _, after = html.partition(place)
        html = before + text + after
    return html


def pack(content: bytes) -> str:
    """Compressed, in base64; the same for the same content."""
    return base64.b64encode(gzip.compress(content, 6, mtime=0)).decode()


def _block(name: str, content: str) -> str:
    return f'<script type="text/plain" id="{name}">{content}</script>'


def _policy(style: str, script: str, where: Bodies) -> str:
    beside = " 'self' file:" if where is Bodies.BESIDE else ""
    connect = "'self'" if where is Bodies.SERVED else "'none'"
    types = "bodies" if where is Bodies.BESIDE else "'none'"
    return "; ".join(
        [
            "default-src 'none'",
            "img-src data:",
            f"script-src {_hash(script)}{beside}",
            f"style-src {_hash(style)}",
            f"connect-src {connect}",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            f"trusted-types {types}",
        ]
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
