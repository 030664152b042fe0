"""The reference of the documentation, written from the code at each build."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from medgym_docs.pages import pages

if TYPE_CHECKING:
    from sphinx.application import Sphinx

FOLDER = "reference/generated"
"""Below the documentation's sources; in .gitignore."""


def write(folder: Path) -> None:
    """Writes every page that differs from what lies there, and removes what no page of today is."""
    written = pages()
    for name, text in written.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:  # else Sphinx would read it again
            path.write_text(text, encoding="utf-8")
    for path in folder.rglob("*.md"):
        if path.relative_to(folder).as_posix() not in written:
            path.unlink()


def setup(app: "Sphinx") -> dict[str, Any]:
    """Sphinx's entry point."""
    app.connect("builder-inited", lambda building: write(Path(building.srcdir) / FOLDER))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
