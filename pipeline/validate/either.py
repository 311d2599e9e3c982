"""What is validated: rows, with the run around them, or the folder of a stage."""

from collections.abc import Sequence
from pathlib import Path

from ..errors import RecipeError
from .check import validate_rows
from .parts import Engine, check_here
from .report import Report
from .source import Copies
from .stage import is_stage, validate_stage


def validate(
    path: Path,
    *,
    sources: Sequence[str] = (),
    copies: Copies | None = None,
    layout: str | None = None,
    tokenizer: str | None = None,
    slice_tokens: int | None = None,
    show: int = 3,
    workers: int = 1,
    engine: Engine = check_here,
) -> Report:
    """Checks what lies at a path; see `validate_rows` and `validate_stage`.

    A stage's folder is checked in this process, whatever the workers.

    Raises:
        RecipeError: a tokenizer or slice length is given for a stage, which names its own.
    """
    if not is_stage(path):
        return validate_rows(
            path,
            sources=sources,
            copies=copies,
            layout=layout,
            tokenizer=tokenizer,
            slice_tokens=slice_tokens,
            show=show,
            workers=workers,
            engine=engine,
        )
    if tokenizer is not None or slice_tokens is not None:
        raise RecipeError(
            f"--tokenizer and --slice-tokens: {path} is a stage's folder, which names its own"
        )
    return validate_stage(path, sources=sources, copies=copies, layout=layout, show=show)
