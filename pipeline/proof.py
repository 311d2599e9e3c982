"""What `validate` does: rows wherever they lie, processes where they are many, the record."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .engine.cores import available_cores
from .light_arrow import keep_pandas_out
from .row_workers import begin_row_workers

if TYPE_CHECKING:
    from .validate import Report


def run_validate(
    path: str,
    *,
    sources: Sequence[str],
    layout: str | None,
    tokenizer: str | None,
    slice_tokens: int | None,
    show: int,
    workers: int | None,
) -> "Report":
    """Proves the rules over rows, and leaves the record of it with a run that lies here.

    Args:
        path: of the rows or the run around them, here or on the Hub.
        sources: what they were built of.
        layout: how the sources' rows are read.
        tokenizer: in place of the manifest's.
        slice_tokens: in place of the manifest's.
        show: how many breaches of each check are kept.
        workers: processes; None takes all cores.

    Raises:
        DuplexdataError: it could not be done.
    """
    from .publish.fetch import rows_at, source_copies

    here, count = rows_at(path), 1
    with suppress(OSError):  # what is wrong is told where it is read
        count = begin_row_workers(here, tokenizer, workers or available_cores())
    from .engine import ENGINES  # after that, for it takes a while
    from .validate import leave_record, validate

    keep_pandas_out()
    report = validate(
        here,
        sources=sources,
        copies=source_copies(here, sources),
        layout=layout,
        tokenizer=tokenizer,
        slice_tokens=slice_tokens,
        show=show,
        workers=count,
        engine=ENGINES["local"],
    )
    if tokenizer is None and slice_tokens is None and here == Path(path):
        leave_record(here, report, sources)
    return report
