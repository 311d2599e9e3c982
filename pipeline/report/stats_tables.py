"""Figures as tables of at most 80 columns."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .stats_figures import Figures
from .stats_texts import shown

WIDTH = 80
_SHOWN_TEXTS = 3
_SHOWN_KINDS = ("statement", "interjection", "repeat", "reset", "aside", "message", "answer")

Cell = Callable[[Any], str]


def lines_of(figures: Figures) -> Iterator[str]:
    """The lines that are printed."""
    yield from _head(figures)
    tdm = figures["format"] == "tdm"
    for title, groups in _groups(figures):
        yield ""
        yield from _rows(title, groups, tdm=tdm)
        yield ""
        yield from _slices(groups) if tdm else _messages(groups)
    yield ""
    yield from _table_1(figures["table_1"], tdm=tdm)
    for title, groups in _groups(figures):
        yield from _cuts(title, groups)
        yield from _statements(title, groups)
    if figures["transitions"]:
        yield ""
        yield from _transitions(figures["transitions"], figures["transitions_from"])
    yield ""
    yield from _texts(figures["texts"])
    if "probes" in figures:
        from .probe_tables import probe_lines

        yield ""
        yield from probe_lines(figures["probes"])


def table(rows: Sequence[Mapping[str, Any]], formats: Mapping[str, Cell]) -> list[str]:
    """Rows as aligned text: the first column to the left, the others to the right.

    Args:
        rows: a mapping a row, all with the same keys; the keys are the titles, but for white
            space at their end, by which columns of one title are told apart.
        formats: how the values of a column are written; None is a dash.
    """
    import pandas as pd

    frame = pd.DataFrame(rows, dtype=object)
    for name in frame.columns:
        write = formats.get(name, str)
        frame[name] = ["-" if value is None else write(value) for value in frame[name]]
    frame = frame.set_index(frame.columns[0])
    first, frame.index.name = frame.index.name, None
    frame.columns = frame.columns.str.rstrip()
    titles, *lines = frame.to_string().splitlines()
    # pandas writes no title over the index, so there is room for it.
    return [first + titles[len(first) :].rstrip(), *(line.rstrip() for line in lines)]


def percent(value: float) -> str:
    """A share as whole percents."""
    return f"{100 * value:.0f}%"


def one_place(value: float) -> str:
    """With one decimal."""
    return f"{value:,.1f}"


def two_places(value: float) -> str:
    """With two decimals."""
    return f"{value:,.2f}"


def whole(value: float) -> str:
    """A count."""
    return f"{value:,}"


def _head(figures: Figures) -> Iterator[str]:
    tokenizer, counted = figures["tokenizer"], figures["all"]["tokens"]["counted_rows"]
    rows = figures["rows"]
    files = f"{figures['files']:,} file{'s' if figures['files'] > 1 else ''}"
    yield f"{shown(figures['path'], 200)}: {rows:,} rows of {files}, {figures['format']}"
    where = {"default": "the default", "manifest.json": "from manifest.json"}
    said = where.get(tokenizer["from"], tokenizer["from"])
    of = "every row" if counted == rows else f"{counted:,} rows, the rest by its bytes"
    yield f"tokens of {shown(tokenizer['name'])} ({said}), counted in {of}"
    for name in ("languages", "generators"):
        if any(figures[name]):
            parts = (f"{shown(one) or 'not said'} {n:,}" for one, n in figures[name].items())
            yield f"{name}: {', '.join(parts)}"
    if figures["out_of_shape"]:
        yield (
            f"{figures['out_of_shape']:,} rows are left out: they are not user, assistant, user, "
            "...; see validate"
        )


def _groups(figures: Figures) -> Iterator[tuple[str, Mapping[str, Figures]]]:
    """Tables to print: of all rows, or of each language."""
    if "by_language" not in figures:
        yield "", {**figures["types"], "all": figures["all"]}
        return
    for language, types in figures["by_language"].items():
        yield f" ({language or 'language not said'})", types


def _name(name: str) -> str:
    return shown(name, 22) or "type not said"


def _rows(title: str, groups: Mapping[str, Figures], *, tdm: bool) -> Iterator[str]:
    size = "pairs" if tdm else "messages"
    total = sum(one["rows"] for name, one in groups.items() if name != "all")
    yield f"Rows{title}, and a row's mean"
    yield from table(
        [
            {
                "type": _name(name),
                "rows": one["rows"],
                "share": one["rows"] / total,
                size: one[size]["mean"],
                "tokens": one["tokens"]["mean"],
                "user's": one["tokens"]["user"],
                "assistant's": one["tokens"]["assistant"],
            }
            for name, one in groups.items()
        ],
        {
            "rows": whole,
            "share": percent,
            size: one_place,
            **dict.fromkeys(("tokens", "user's", "assistant's"), one_place),
        },
    )


def _slices(groups: Mapping[str, Figures]) -> Iterator[str]:
    yield "Slices: words of the user's, tokens of the assistant's; share of idle pairs"
    yield from table(
        [
            {
                "type": _name(name),
                "words": one["words_a_user_slice"]["mean"],
                "tokens": one["tokens_an_assistant_slice"]["mean"],
                "user idle": one["idle"]["user"],
                "assistant idle": one["idle"]["assistant"],
                "both": one["idle"]["both"],
            }
            for name, one in groups.items()
        ],
        {
            "words": two_places,
            "tokens": two_places,
            **dict.fromkeys(("user idle", "assistant idle", "both"), percent),
        },
    )


def _messages(groups: Mapping[str, Figures]) -> Iterator[str]:
    yield "Words of a user's message, tokens of an answer"
    yield from table(
        [
            {
                "type": _name(name),
                "words": one["words_a_user_message"]["mean"],
                "tokens": one["tokens_an_answer"]["mean"],
            }
            for name, one in groups.items()
        ],
        {"words": one_place, "tokens": one_place},
    )


def _table_1(rows: Sequence[Figures], *, tdm: bool) -> Iterator[str]:
    yield "Beside Table 1 of the paper: means, and the ratio to uninterrupted"
    lines: list[dict[str, Any]] = []
    columns: list[dict[str, str]] = []
    formats: dict[str, Cell] = {}
    for space, name in enumerate(("pairs", "tokens") if tdm else ("tokens",)):
        titles = [name, "paper" + " " * space, "ratio" + " " * space, "paper" + " " * (space + 2)]
        keys = [name, f"paper_{name}", f"{name}_ratio", f"paper_{name}_ratio"]
        columns.append(dict(zip(titles, keys, strict=True)))
        formats |= dict.fromkeys(titles[:2], one_place) | dict.fromkeys(titles[2:], two_places)
    for one in rows:
        held = {title: one[key] for column in columns for title, key in column.items()}
        lines.append({"type": one["type"], **held})
    yield from table(lines, formats)


def _cuts(title: str, groups: Mapping[str, Figures]) -> Iterator[str]:
    cut = {name: one["cuts"] for name, one in groups.items() if one.get("cuts", {}).get("cut")}
    if not cut:
        return
    yield ""
    yield f"Answers cut{title}; of these, how many are heard to which tenth (%)"
    yield from table(
        [
            {
                "type": _name(name),
                "cut": one["cut"],
                "of all": one["share"],
                **{
                    str(tenth): 100 * count / one["cut"]
                    for tenth, count in enumerate(one["heard_tenths"], start=1)
                },
            }
            for name, one in cut.items()
        ],
        {"cut": whole, "of all": percent, **{str(n): lambda x: f"{x:.0f}" for n in range(1, 11)}},
    )
    if next(iter(cut.values()))["after_slice"]:
        places = [one["after_slice"] for one in cut.values()]
        yield ""
        yield "After which slice"
        yield from table(
            [
                {"type": _name(name), **{key.replace("_", " "): at[key] for key in _QUARTERS}}
                for name, at in zip(cut, places, strict=True)
            ],
            {"mean": one_place},
        )


_QUARTERS = ("mean", "least", "quarter", "median", "three_quarters", "most")


def _statements(title: str, groups: Mapping[str, Figures]) -> Iterator[str]:
    said = {
        name: one["statements"]
        for name, one in groups.items()
        if one.get("statements", {}).get("said")
    }
    if not said:
        return
    yield ""
    yield f"Statements{title}"
    yield from table(
        [
            {
                "type": _name(name),
                "said": one["said"],
                "over an answer": one["over_an_answer"],
                "in silence": one["in_silence"],
                "per answer": one["an_answer"],
            }
            for name, one in said.items()
        ],
        {
            **dict.fromkeys(("said", "over an answer", "in silence"), whole),
            "per answer": two_places,
        },
    )


def _transitions(transitions: Sequence[Figures], whose: str) -> Iterator[str]:
    listed = "the recipe's own lists" if whose == "recipe" else "the shipped lists"
    yield f"Transitions of {listed}: sentences used, the commonest's share, words"
    yield from table(
        [
            {
                "kind": f"{one['kind']} ({one['language']})",
                "said": one["utterances"],
                "used": one["used"],
                "listed": one["listed"],
                "commonest": (
                    one["sentences"][0]["count"] / one["utterances"] if one["sentences"] else None
                ),
                "mean words": one["words"]["mean"],
                "least": one["words"]["least"],
                "most": one["words"]["most"],
                "not listed": one["not_listed"],
            }
            for one in transitions
        ],
        {"said": whole, "commonest": percent, "mean words": one_place, "not listed": whole},
    )


def _texts(texts: Sequence[Figures]) -> Iterator[str]:
    yield "Texts of utterances: how many are distinct" + (
        "" if all(one["distinct_is_exact"] for one in texts) else " (~ estimated)"
    )
    yield from table(
        [
            {
                "kind": shown(one["kind"], 22),
                "said": one["said"],
                "distinct": ("" if one["distinct_is_exact"] else "~") + f"{one['distinct']:,}",
                "share": one["share_distinct"],
            }
            for one in texts
        ],
        {"said": whole, "share": percent},
    )
    repeated = {one["kind"]: one for one in texts if one["most_repeated"]}
    kinds = [kind for kind in _SHOWN_KINDS if kind in repeated]
    if kinds:
        yield ""
        yield "Most repeated"
    for kind in kinds:
        for one in repeated[kind]["most_repeated"][:_SHOWN_TEXTS]:
            head = f"{one['count']:>8,}  {kind:<13} "
            yield head + shown(one["text"], WIDTH - len(head))
