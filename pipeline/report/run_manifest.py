"""The recipe that rows were built with, as far as their manifest tells it."""

import json
from pathlib import Path
from typing import Any

from ..errors import FolderError


def recipe_beside(path: Path) -> dict[str, Any] | None:
    """The recipe in the manifest of a run's folder; None where there is none.

    Args:
        path: a run's folder, its `data`, or a file in either.

    Raises:
        FolderError: there is a manifest, and it cannot be read.
    """
    here = path if path.is_dir() else path.parent
    around = (here, here.parent) if here.resolve().name == "data" else (here,)
    for folder in around:
        file = folder / "manifest.json"
        if not file.is_file():
            continue
        try:
            manifest = json.loads(file.read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            raise FolderError(f"{file} cannot be read as JSON: {error}; build it anew") from error
        recipe = manifest.get("recipe") if isinstance(manifest, dict) else None
        if not isinstance(recipe, dict):
            raise FolderError(f"{file} is no manifest of a build: it has no recipe")
        return recipe
    return None
