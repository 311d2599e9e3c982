"""What the card tells of these very files: by the record of `stats`, or by measuring here."""

from ..errors import InputError
from ..export.card_measured import Measured
from ..progress import duration
from ..report.probes import has_scikit_learn
from ..report.stats import counted, origin_of, probed
from ..report.stats_record import (
    RECORD,
    add_probes,
    as_measured,
    hashes_of,
    leave_record,
    record_of,
)
from ..screen import Screen
from .contents import Contents


def ensure_measured(contents: Contents, workers: int, screen: Screen) -> Measured | None:
    """Measures of the rows what no record says of them, and leaves the record.

    Args:
        contents: the run.
        workers: processes.
        screen: where to say what is measured, and how long it took.

    Returns:
        What was measured; None where it cannot be, which is said.
    """
    record = record_of(contents.folder, contents.manifest)
    probes = has_scikit_learn()
    if record is not None and ("probes" in record or not probes):
        screen.say(f"measured: {_what('probes' in record)} ({RECORD})")
        return as_measured(record)
    if record is None:
        screen.say(f"measuring {_what(probes)}: no {RECORD} is about these very files")
    else:
        screen.say(f"measuring the probes: {RECORD} does not hold them")
    begin = screen.clock()
    try:
        origin = origin_of(contents.folder, None)
        if record is None:
            hashes = hashes_of(contents.folder, origin.files)
            figures = counted(contents.folder, origin, workers=workers)
            record = leave_record(contents.folder, figures, hashes)
        if probes:
            record = add_probes(contents.folder, record, probed(origin))
    except InputError as error:
        screen.say(f"not measured: {error}")
        return as_measured(record) if record else None
    screen.say(f"measured in {duration(screen.clock() - begin)}")
    if not probes:
        screen.say(
            "the probes are not measured, scikit-learn is not installed: "
            "pip install 'duplexdata[probes]'"
        )
    return as_measured(record)


def _what(probes: bool) -> str:
    return "lengths and probes" if probes else "lengths"
