"""What `duplexdata diff` does: two names into lines, and a section of the card."""

from pathlib import Path

from ..errors import FolderError
from ..export.card import CHANGES, card, is_written_here
from ..publish.fetch import run_folder_of
from ..report.stats_record import measured_in
from ..run_folder import finished_manifest
from .compare import compare
from .text import lines, markdown


def run_diff(first: str, second: str, *, to_card: bool) -> list[str]:
    """What differs between two runs, in lines.

    Args:
        first: a run's folder, or a run on the Hub.
        second: another.
        to_card: whether the second one's card gets it as a section.

    Raises:
        FolderError: one of them is no finished run, or the card is not ours to write.
        HubError: the Hub refused or failed, or could not be reached.
    """
    if to_card and not Path(second).is_dir():
        raise FolderError(f"--card writes into the second run's folder, and {second} is none")
    before, after = run_folder_of(first), run_folder_of(second)
    found = compare(before, after)
    if to_card:
        _write(after, markdown(found, first))
    return lines(found, first, second)


def _write(folder: Path, section: str) -> None:
    readme = folder / "README.md"
    if readme.is_file() and not is_written_here(readme.read_text("utf-8")):
        raise FolderError(f"{readme} was changed by hand; put the section there yourself")
    manifest = finished_manifest(folder)
    if manifest is None:
        raise FolderError(f"{folder} has no manifest.json any more")
    (folder / CHANGES).write_text(section, encoding="utf-8", newline="\n")
    text = card(folder, manifest, measured=measured_in(folder, manifest))
    readme.write_text(text, encoding="utf-8", newline="\n")
