"""What was counted as figures, with the keys of `stats --json` (docs/stats.md)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..export.table_1 import BASE, PAPER
from .arrays import Ints
from .stats_survey import Survey
from .stats_tally import Tally, total
from .stats_transitions import TransitionList

MOST_REPEATED = 10
"""Texts of a kind that are named."""

_USER_KINDS = ("message", "interjection", "stop", "repeat", "reset", "aside", "statement")
_ANSWERS = ("answer", "new_answer", "resumption")

Figures = dict[str, Any]


def figures_of(
    found: Survey,
    row_format: str,
    lists: Mapping[tuple[str, str], TransitionList],
    *,
    told: bool,
    by_language: bool,
) -> Figures:
    """The figures of a survey.

    Args:
        found: the survey.
        row_format: `tdm` or `duo`.
        lists: the transitions that were looked for.
        told: whether the rows have utterances.
        by_language: whether types are parted by language.
    """
    types = _by_type(found)
    whole = found.whole
    figures: Figures = {
        "format": row_format,
        "rows": whole.rows,
        "out_of_shape": found.out_of_shape,
        "all": _group(whole, row_format, told=told),
        "types": {name: _group(one, row_format, told=told) for name, one in types.items()},
        "table_1": _table_1(types, row_format),
        "languages": _counts((language, one.rows) for (_, language), one in found.groups.items()),
        "generators": _counts(whole.generators.items()),
        "transitions": _transitions(found, lists) if told else None,
        "texts": _texts(found),
    }
    if by_language:
        figures["by_language"] = {
            language: {
                name: _group(one, row_format, told=told)
                for (name, of), one in sorted(found.groups.items(), key=_in_order)
                if of == language
            }
            for language in figures["languages"]
        }
    return figures


def _in_order(one: tuple[tuple[str, str], Tally]) -> tuple[int, str, str]:
    return (*_place(one[0][0]), one[0][1])


def _place(type_name: str) -> tuple[int, str]:
    known = list(PAPER)
    return (known.index(type_name) if type_name in known else len(known)), type_name


def _by_type(found: Survey) -> dict[str, Tally]:
    names = sorted({name for name, _ in found.groups}, key=_place)
    return {
        name: total(one for (of, _), one in found.groups.items() if of == name) for name in names
    }


def _group(tally: Tally, row_format: str, *, told: bool) -> Figures:
    rows, tdm = tally.rows, row_format == "tdm"
    lengths = sum(size * count for size, count in tally.lengths.items())
    user, assistant = tally.tokens.estimate()
    answers = sum(count for (kind, _), count in tally.kinds.items() if kind in _ANSWERS)
    figures: Figures = {
        "rows": rows,
        ("pairs" if tdm else "messages"): {
            "mean": _ratio(lengths, rows),
            **_quantiles(tally.lengths),
        },
        "tokens": {
            "mean": _ratio(user + assistant, rows),
            "user": _ratio(user, rows),
            "assistant": _ratio(assistant, rows),
            "counted_rows": tally.tokens.counted,
        },
        ("words_a_user_slice" if tdm else "words_a_user_message"): {
            "mean": _ratio(tally.words, tally.user_pieces),
            **({"counts": _histogram(tally.words_of_piece)} if tdm else {}),
        },
        "utterances": _counts(_kinds(tally).items()),
    }
    if tdm:
        slices = tally.tokens.of_slice
        figures["tokens_an_assistant_slice"] = {
            "mean": _ratio(float(slices @ np.arange(len(slices))), int(slices.sum())),
            "counts": _histogram(slices),
        }
        figures["idle"] = {
            "user": _ratio(tally.user_idle, lengths),
            "assistant": _ratio(tally.assistant_idle, lengths),
            "both": _ratio(tally.both_idle, lengths),
        }
    else:
        figures["tokens_an_answer"] = {"mean": _ratio(assistant, answers)}
    if told:
        figures["origins"] = _counts(_origins(tally).items())
        figures["cuts"] = _cuts(tally, answers, row_format)
        figures["statements"] = _statements(tally, answers)
    return figures


def _kinds(tally: Tally) -> Counter[str]:
    found: Counter[str] = Counter()
    for (kind, _), count in tally.kinds.items():
        found[kind] += count
    return found


def _origins(tally: Tally) -> Counter[str]:
    found: Counter[str] = Counter()
    for (_, origin), count in tally.kinds.items():
        found[origin or ""] += count
    return found


def _cuts(tally: Tally, answers: int, row_format: str) -> Figures:
    cut = int(tally.cuts.sum())
    return {
        "answers": answers,
        "cut": cut,
        "share": _ratio(cut, answers),
        "heard_tenths": tally.cuts.tolist(),
        "after_slice": (
            {"mean": _mean(tally.cut_after), **_quantiles(tally.cut_after)}
            if row_format == "tdm"
            else None
        ),
    }


def _statements(tally: Tally, answers: int) -> Figures:
    said = _kinds(tally)["statement"]
    return {
        "said": said,
        "over_an_answer": tally.statements_over,
        "in_silence": said - tally.statements_over,
        "an_answer": _ratio(said, answers),
    }


def _table_1(types: Mapping[str, Tally], row_format: str) -> list[Figures]:
    base = types.get(BASE)
    rows = []
    for name, paper in PAPER.items():
        tally = types.get(name)
        pairs = tokens = pairs_ratio = tokens_ratio = None
        if tally is not None:
            tokens = _tokens(tally)
            pairs = _mean(tally.lengths) if row_format == "tdm" else None
        if tally is not None and base is not None:
            tokens_ratio = _ratio(tokens or 0, _tokens(base) or 0)
            pairs_ratio = _ratio(pairs, _mean(base.lengths) or 0) if pairs is not None else None
        rows.append({
            "type": name,
            "rows": tally.rows if tally else 0,
            "pairs": pairs,
            "pairs_ratio": pairs_ratio,
            "tokens": tokens,
            "tokens_ratio": tokens_ratio,
            "paper_rows": paper.rows,
            "paper_pairs": paper.pairs,
            "paper_pairs_ratio": paper.pairs / PAPER[BASE].pairs,
            "paper_tokens": paper.tokens,
            "paper_tokens_ratio": paper.tokens / PAPER[BASE].tokens,
        })  # fmt: skip
    return rows


def _tokens(tally: Tally) -> float | None:
    return _ratio(sum(tally.tokens.estimate()), tally.rows)


def _transitions(found: Survey, lists: Mapping[tuple[str, str], TransitionList]) -> list[Figures]:
    """A kind and language each: which sentences are used, how often, and how long they are."""
    figures = []
    for kind, language in sorted({(kind, language) for kind, language, _ in found.transitions}):
        used = {
            sentence: count
            for (of, also, sentence), count in found.transitions.items()
            if (of, also) == (kind, language)
        }
        not_listed = used.pop(None, 0)
        known = lists.get((kind, language))
        words = Counter[int]()
        for sentence, count in used.items():
            words[known.words(sentence) if known and sentence else 0] += count
        figures.append({
            "kind": kind,
            "language": language,
            "utterances": sum(used.values()) + not_listed,
            "not_listed": not_listed,
            "listed": len(known.sentences) if known else 0,
            "used": len(used),
            "words": {"mean": _mean(words), **_quantiles(words)},
            "sentences": [
                {"text": text, "count": count}
                for text, count in sorted(used.items(), key=lambda one: (-one[1], one[0]))
            ],
        })  # fmt: skip
    return figures


def _texts(found: Survey) -> list[Figures]:
    order = [*_USER_KINDS, *_ANSWERS]
    kinds = sorted(found.texts, key=lambda kind: (_index(order, kind), kind))
    return [
        {
            "kind": kind,
            "said": texts.said,
            "distinct": texts.distinct,
            "distinct_is_exact": texts.level == 0,
            "share_distinct": _ratio(texts.distinct, texts.said),
            "most_repeated": [
                {"text": text, "count": count} for text, count in texts.most_repeated(MOST_REPEATED)
            ],
            "counts_too_low_by_at_most": texts.missed,
        }
        for kind, texts in ((kind, found.texts[kind]) for kind in kinds)
    ]


def _index(order: Sequence[str], name: str) -> int:
    return order.index(name) if name in order else len(order)


def _counts(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    """By name, the most first."""
    found: Counter[str] = Counter()
    for name, count in pairs:
        found[name] += count
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def _histogram(counts: Ints) -> dict[str, int]:
    """What occurs, by its number; the last, `40+`, is that and more."""
    last = len(counts) - 1
    return {
        f"{number}+" if number == last else str(number): int(counts[number])
        for number in np.flatnonzero(counts).tolist()
    }


def _quantiles(counts: Counter[int]) -> dict[str, int | None]:
    """Least, quartiles and most of counted numbers."""
    names = ("least", "quarter", "median", "three_quarters", "most")
    values = np.array(sorted(counts), dtype=np.int64)
    if not len(values):
        return dict.fromkeys(names)
    ends = np.cumsum([counts[value] for value in values.tolist()])
    places = [int((ends[-1] - 1) * share) for share in (0, 0.25, 0.5, 0.75, 1)]
    found = values[np.searchsorted(ends, places, side="right")].tolist()
    return dict(zip(names, found, strict=True))


def _mean(counts: Counter[int]) -> float | None:
    return _ratio(sum(value * count for value, count in counts.items()), counts.total())


def _ratio(one: float, other: float) -> float | None:
    return one / other if other else None
