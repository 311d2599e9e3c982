"""One script that a person changed, held against the rules: for the stage that reads it."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..slice.tokenizers import Tokenizer
from . import duo
from .careful import row_from_json
from .nouns import Malformed
from .report import Breach, Verdict
from .settings import Settings
from .stage_rows import row_of_script, with_generator
from .text import Cutter, compile_markers


def script_breach(
    row: Mapping[str, Any],
    *,
    file: str,
    number: int,
    tokenizer: Tokenizer,
    slice_tokens: int,
    markers: Sequence[str],
    recipe: Mapping[str, Any] | None,
) -> Breach | None:
    """The first rule that a script breaks, or None.

    Args:
        row: the script as a row of `scripts-*.parquet`; texts that are new say `edited`.
        file: where it lies.
        number: of the row there, from 1.
        tokenizer: of the run.
        slice_tokens: tokens an assistant slice.
        markers: what no text may hold.
        recipe: says how many statements there are to be; None before any were added.
    """
    read = row_from_json(with_generator(row_of_script(row)), number)
    if isinstance(read, Malformed):
        return Breach("shape", file, number, read.id, read.expected, read.found)
    settings = Settings(
        tokenizer="",  # it is given as it is
        slice_tokens=slice_tokens,
        tail_idle=0,
        markers=tuple(markers),
        manifest={"recipe": recipe} if recipe is not None else None,
    )
    verdict = Verdict(duo.SCOPE)
    cutter = Cutter(tokenizer, slice_tokens)
    duo.check_duo(read, settings, cutter, compile_markers(markers), verdict)
    found = next(iter(verdict.broken.items()), None)
    return Breach(found[0], file, number, read.id, *found[1]) if found else None
