"""Rows of duplexdata's own format tdm: back to the scripts that they were rendered from."""

from collections import Counter
from itertools import islice

from ...dialogue import Utterance
from ...markers import IDLE
from ...slice.joining import join_exactly, join_words
from ..rejects import Reject
from .script import (
    OWN_COLUMNS,
    Part,
    RawScript,
    ScriptLayout,
    Values,
    contents_of,
    finished_script,
    has_utterances,
    parts_of,
)


def _read(row: Values, _stem: str, _forced: str) -> RawScript:
    contents = contents_of(row["output"], alternating=True)
    language, read_as = str(row.get("language")), Counter[str]()
    utterances: list[Utterance] = []
    answer: Part | None = None
    spaces = row.get("spaces")  # beside the rows of a run's own shard
    for number, part in enumerate(parts_of(row)):
        count = part.slices or 0
        side = contents[part.role == "assistant" :: 2]
        slices = list(islice(side, max(part.start, 0), part.start + count))
        if len(slices) != count or not slices or IDLE in slices or "" in slices:
            where = f"{count} slices of the {part.role} from pair {part.start} on"
            raise Reject("broken_script", f"there are no {where}")
        at = -1
        if part.role == "assistant":
            answer, text = part, "".join(slices)
        else:
            if isinstance(spaces, dict):
                text = join_exactly(slices, language, spaces.get(str(number)))
            else:
                text = join_words(slices, language)
                read_as["white_space_between_slices"] += count - 1
            if part.over and answer is None:
                raise Reject("broken_script", "an utterance begins over nobody")
            if part.over and answer is not None:
                at = len("".join(contents[1::2][answer.start : part.start]))
        utterances.append(_utterance(part, text, at))
    return finished_script(row, utterances, read_as)


def _utterance(part: Part, heard: str, at: int) -> Utterance:
    return Utterance(
        part.role,  # type: ignore[arg-type]  # the order is checked afterwards
        heard + part.unheard,
        len(heard),
        at,
        part.state,  # type: ignore[arg-type]
        part.kind,
        part.origin,
    )


LAYOUT = ScriptLayout(
    name="tdm",
    shape='{"id", "type", "output": [{"role", "content"}, ...], "utterances"}',
    columns=(*OWN_COLUMNS, "output"),
    fits=lambda row: has_utterances(row, "output"),
    read=_read,
)
