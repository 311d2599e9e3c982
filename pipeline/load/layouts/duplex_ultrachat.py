"""Rows of Duplex-UltraChat as released, or of its layout: `output`, slices and nothing else."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ...markers import IDLE
from ..language import guess_language
from ..rejects import Reject
from ..slices import CUT_INS, Heard, read_slices
from .script import RawScript, ScriptLayout, Values, contents_of

ORIGIN = "duplex_ultrachat"
"""The origin of texts of which nobody says whether UltraChat holds them so."""

_NAMES: Mapping[str, str] = MappingProxyType(
    {**{name: name for name in CUT_INS}, "basic": "uninterrupted"}
)


def _type_of(row: Values, stem: str) -> tuple[str | None, str]:
    """The type of a row, by its column, else by the name of its file; and which it was."""
    own = row.get("type")
    if isinstance(own, str) and own.lower() in _NAMES:
        return _NAMES[own.lower()], "type_by_column"
    named = next((name for name in _NAMES if name in stem.lower()), None)
    return (_NAMES[named], "type_by_name") if named else (None, "type_by_rule")


def _language_of(contents: Sequence[str]) -> str:
    """Of what each side says; silence is in no language, and words are cut in slices of tokens."""
    user, assistant = ([one for one in contents[side::2] if one != IDLE] for side in (0, 1))
    return guess_language((" ".join(user), "".join(assistant)))


def _read(row: Values, stem: str, forced: str) -> RawScript:
    contents = contents_of(row["output"], alternating=True)
    if "" in contents:
        raise Reject("empty_content", f"slice {contents.index('') + 1}")
    type_name, by = _type_of(row, stem)
    language = _language_of(contents) if forced == "auto" else forced
    heard: Heard = read_slices(contents, type_name, language, ORIGIN)
    heard.read_as[by] += 1
    own: Any = row.get("id")
    return RawScript(
        id=own,
        type=heard.type,
        language=language,
        source_ids=(),
        utterances=heard.utterances,
        finished=False,
        read_as=heard.read_as,
    )


LAYOUT = ScriptLayout(
    name="duplex_ultrachat",
    shape='{"output": [{"role", "content": text or "<idle>"}, ...]}',
    columns=("id", "type", "output"),
    fits=lambda row: isinstance(row.get("output"), list) and row.get("utterances") is None,
    read=_read,
)
