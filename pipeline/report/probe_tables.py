"""What the probes measured, in words and tables."""

from collections.abc import Iterator, Mapping, Sequence

from .probes import LEANING, SHORTCUT
from .stats_figures import Figures
from .stats_tables import one_place, table, two_places, whole
from .stats_texts import shown

TASKS = {
    "cut_in_or_statement": "Spoken over an answer: does it stop the answer, or is it let pass?",
    "cut_after_this_slice": "Is the answer cut after this slice?",
}
"""What is to be told, by its key in the figures."""

_BRIEF = {
    "last character": "last character",
    "words": "words in all",
    "first word": "first word",
    "share": "share of the answer",
    "all": "all together",
}
"""Cues of which a kind is told, by their titles."""


def probe_lines(figures: Figures) -> Iterator[str]:
    """The lines that are printed."""
    yield "Probes: what a cue alone tells, as AUC (0.5 is chance, 1 is all), cross-validated"
    yield "by source dialogue"
    for name, title in TASKS.items():
        if name in figures:
            yield ""
            yield from _task(title, figures[name])
        kinds = figures.get(name, {}).get("by_kind", {})
        measured = {kind: one for kind, one in kinds.items() if "not_measured" not in one}
        if measured:
            yield ""
            yield from _by_kind(measured)
    if figures["wording"]:
        yield ""
        yield from _wording(figures["wording"])


def _task(title: str, figures: Figures) -> Iterator[str]:
    yield title
    yield (
        f"{figures['examples']:,} examples, {figures['yes']:,} yes, "
        f"{figures['source_dialogues']:,} source dialogues"
    )
    if "not_measured" in figures:
        yield f"not measured: {figures['not_measured']}"
        return
    new = figures.get("auc_new_sentences")
    yield from table(
        [
            {
                "cue": name,
                "AUC": auc,
                **({"new sentences": new[name]} if new else {}),
                "": verdict(auc),
            }
            for name, auc in figures["auc"].items()
        ],
        {"AUC": two_places, "new sentences": two_places},
    )
    if new:
        yield "new sentences: the same on transitions and statements not seen before"
    yield from _warning(figures)


def _by_kind(kinds: Mapping[str, Figures]) -> Iterator[str]:
    yield "The same by kind of cut-in, on sentences not seen before"
    yield from table(
        [
            {
                "kind": shown(name, 22),
                "examples": one["yes"],
                **{title: one["auc_new_sentences"].get(cue) for title, cue in _BRIEF.items()},
            }
            for name, one in kinds.items()
        ],
        {"examples": whole, **dict.fromkeys(_BRIEF, two_places)},
    )


def verdict(auc: float | None) -> str:
    """What an AUC means for a model that is trained on the data."""
    if auc is None:
        return "not measured"
    if auc >= SHORTCUT:
        return "a shortcut"
    return "leans" if auc >= LEANING else "little"


def _warning(figures: Figures) -> Iterator[str]:
    cues = [
        name
        for name, auc in figures["auc"].items()
        if name != "all together" and auc is not None and auc >= SHORTCUT
    ]
    if cues:
        tell = "tell" if len(cues) > 1 else "tells"
        yield f"The data teach a shortcut: {_each(cues)} alone"
        yield f"{tell} it. A model can learn that instead of listening."
    elif (figures["auc"].get("all together") or 0) >= SHORTCUT:
        yield "The data teach a shortcut: no cue alone tells it, but together they do."
    still = figures.get("auc_new_sentences", {}).get("all together")
    if still is not None and still >= SHORTCUT:
        yield f"On new sentences the cues together still tell it: {still:.2f}."


def _each(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _wording(rows: Sequence[Figures]) -> Iterator[str]:
    yield "Wording of transitions and statements: distinct-n, entropy in bits, and of how"
    yield "many sentences, each as likely, that is the entropy"
    yield from table(
        [
            {
                "kind": f"{shown(one['kind'], 20)} ({shown(one['language'], 8)})",
                "texts": one["texts"],
                "distinct": one["distinct"],
                "-1": one["distinct_1"],
                "-2": one["distinct_2"],
                "-3": one["distinct_3"],
                "entropy": one["entropy_bits"],
                "as many as": one["as_many_as"],
            }
            for one in rows
        ],
        {
            "texts": whole,
            "distinct": whole,
            **dict.fromkeys(("-1", "-2", "-3", "entropy"), two_places),
            "as many as": one_place,
        },
    )
