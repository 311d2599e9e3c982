"""Rows of a stage as rows of a format, laid out in a simple way: for the rules of rows."""

from collections.abc import Mapping, Sequence
from typing import Any

_IDLE = "<idle>"
_TOKENS = {"query": "<1>", "stop": "<1>", "statement": "<2>"}


def row_of_script(row: Mapping[str, Any]) -> dict[str, Any]:
    """A script as a duo row."""
    messages: list[dict[str, str]] = []
    starts = []
    for one in row["utterances"]:
        text = one["text"] if one["heard"] is None else one["text"][: one["heard"]]
        if one["role"] == "assistant":
            starts.append(len(messages))
            messages.append({"role": "assistant", "content": text})
            continue
        after = None
        if one["state"] == "statement" and one["at"] is not None:
            whole = messages[-1]["content"]
            messages[-1] = {"role": "assistant", "content": whole[: one["at"]]}
            after = whole[one["at"] :]
        starts.append(len(messages))
        messages.append({"role": "user", "content": text + _TOKENS[one["state"]]})
        if one["state"] == "stop":
            after = ""
        if after is not None:
            messages.append({"role": "assistant", "content": after})
    states = {start: one["state"] for start, one in zip(starts, row["utterances"], strict=True)}
    return {
        **_common(row, starts, [None] * len(starts)),
        "messages": messages,
        "states": [states.get(place) for place in range(len(messages))],
    }


def row_of_slices(row: Mapping[str, Any]) -> dict[str, Any]:
    """A sliced script as a tdm row.

    Raises:
        ValueError: two slices of one side stand in one pair.
    """
    lanes = [[_IDLE] * row["pairs"], [_IDLE] * row["pairs"]]
    for one, cut in zip(row["utterances"], row["slices"], strict=True):
        lane, data = lanes[one["role"] == "assistant"], one["text"].encode()
        bounds = list(zip(cut["begins"], cut["ends"], strict=True))[: cut["heard"]]
        for pair, (begin, end) in enumerate(bounds, cut["start"]):
            if lane[pair] != _IDLE:
                raise ValueError(f"two slices of the {one['role']} in pair {pair}")
            lane[pair] = data[begin:end].decode()
    return {
        **_common(
            row,
            [one["start"] for one in row["slices"]],
            [one["heard"] for one in row["slices"]],
        ),
        "output": [
            {"role": role, "content": content}
            for pair in zip(*lanes, strict=True)
            for role, content in zip(("user", "assistant"), pair, strict=True)
        ],
    }


def spaces_of(row: Mapping[str, Any]) -> dict[str, list[list[Any]]]:
    """What stands between the slices of a sliced script, by the number of the utterance."""
    found: dict[str, list[list[Any]]] = {}
    for number, (one, cut) in enumerate(
        zip(row.get("utterances") or (), row.get("slices") or (), strict=False)
    ):
        data = (one["text"] or "").encode()
        gaps = zip(cut["ends"], cut["begins"][1:], strict=False)
        found[str(number)] = [
            [border, data[end:begin].decode(errors="replace")]
            for border, (end, begin) in enumerate(gaps)
        ]
    return found


def with_generator(made: Mapping[str, Any]) -> dict[str, Any]:
    """The row with the generator that its utterances tell."""
    origins = {one["origin"] for one in made["utterances"]} - {"source"}
    return {**made, "generator": "+".join(sorted(origins)) or "source"}


def _common(
    row: Mapping[str, Any], starts: Sequence[int], slices: Sequence[int | None]
) -> dict[str, Any]:
    """The columns that both formats have; the generator is told by whoever reads the row."""
    return {
        "id": row["id"],
        "type": row["type"],
        "language": row["language"],
        "source_ids": row["source_ids"],
        "generator": "",
        "utterances": [
            {
                "role": one["role"],
                "state": one["state"],
                "start": start,
                "slices": count,
                "over": one["at"] is not None,
                "kind": one["kind"],
                "origin": one["origin"],
                "unheard": "" if one["heard"] is None else one["text"][one["heard"] :],
            }
            for one, start, count in zip(row["utterances"], starts, slices, strict=True)
        ],
    }
