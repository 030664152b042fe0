"""Which way Ray authenticates, settled before Ray is imported: it reads the mode once, at import."""

import os
from pathlib import Path


def settle() -> None:
    """Uses a token where one is at hand and the user chose no mode.

    `ray start` and local clusters do so by themselves; only attaching does not, so that a head started on a machine
    where Ray once made a token (`~/.ray/auth_token`) would turn its own user away.
    """
    if "RAY_AUTH_MODE" not in os.environ and _has_token():
        os.environ["RAY_AUTH_MODE"] = "token"


def _has_token() -> bool:
    named = os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH")
    return bool(named) or (Path.home() / ".ray" / "auth_token").is_file()
