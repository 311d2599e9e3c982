"""`duplexdata stats --probes`: what shallow cues alone tell about stopping or going on.

A model learns what is easiest. Where one cue alone tells a cut-in from a remark, a model
can learn that cue instead of listening, so the data should not let it.
"""

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from math import log2
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..slice.words import word_spans
from .probe_examples import AnswerRun, Examples, SpokenOver, collect
from .rows import RowFile
from .stats_figures import Figures
from .stats_transitions import TransitionList

FOLDS = 5
SHORTCUT = 0.9
"""An AUC from which a cue is called a shortcut."""

LEANING = 0.75
"""An AUC from which the data are said to lean on a cue."""

MOST_TEXTS = 2_000
"""Texts of a kind whose wording is measured, at most: distinct-n falls with their number."""

BY_DIALOGUE = "auc"
NEW_SENTENCES = "auc_new_sentences"

_BINS = 16
_MOST_PAIRS = 100_000
_SEED = 0

Cues = Mapping[str, Sequence[Any]]
"""The values of each cue, one an example."""


class Task(NamedTuple):
    """Something that cues may tell.

    Attributes:
        cues: their values.
        label: what is to be told.
        folds: what is never in two folds: the source dialogue of each example; of task A,
            also its sentence.
    """

    cues: Cues
    label: npt.NDArray[np.bool_]
    folds: Mapping[str, Sequence[str]]


def has_scikit_learn() -> bool:
    """Whether what the models are fitted with is installed."""
    return find_spec("sklearn") is not None


def need_scikit_learn() -> None:
    """Raises InputError where scikit-learn is not installed."""
    if not has_scikit_learn():
        raise InputError(
            "--probes needs scikit-learn, which is not installed: "
            "pip install 'duplexdata[probes]' (or pip install scikit-learn)"
        )


def probe(files: Sequence[RowFile], lists: Mapping[tuple[str, str], TransitionList]) -> Figures:
    """What shallow cues tell of the rows of some files.

    Args:
        files: of one format.
        lists: the transitions that are known.

    Raises:
        FolderError: a file cannot be read.
    """
    found = collect(files, lists)
    over = [one for _, one in found.over]
    figures = {"cut_in_or_statement": _measured(_cut_in_or_statement(over, files[0].format))}
    figures["cut_in_or_statement"]["by_kind"] = {
        kind: _measured(_cut_in_or_statement(chosen, files[0].format), (NEW_SENTENCES,))
        for kind, chosen in _by_kind(over)
    }
    cut_next = _cut_next(found)
    if cut_next is not None:
        figures["cut_after_this_slice"] = _measured(cut_next)
    return {**figures, "wording": _wording(found, lists)}


def _by_kind(over: Sequence[SpokenOver]) -> Iterator[tuple[str, list[SpokenOver]]]:
    """The cut-ins of each kind, with all statements."""
    for kind in sorted({one.kind for one in over if one.cut_in}):
        yield kind, [one for one in over if not one.cut_in or one.kind == kind]


def _cut_in_or_statement(examples: Sequence[SpokenOver], row_format: str) -> Task:
    """Task A: an utterance begins over an answer: does it stop it, or is it let pass?"""
    cues: dict[str, Sequence[Any]] = {"last character": [one.last for one in examples]}
    if row_format == "tdm":
        cues["words of the first slice"] = [one.first_slice for one in examples]
    cues |= {
        "words in all": [float(one.words) for one in examples],
        "first word": [" ".join(one.opening[:1]).casefold() for one in examples],
        "first words": [" ".join(one.opening).casefold() for one in examples],
        "place in the answer": [float(one.position) for one in examples],
        "share of the answer": [one.share for one in examples],
    }
    label = np.array([one.cut_in for one in examples], dtype=bool)
    folds = {
        BY_DIALOGUE: [one.group for one in examples],
        NEW_SENTENCES: [one.sentence for one in examples],
    }
    return Task(cues, label, folds)


def _cut_next(found: Examples) -> Task | None:
    """Task B: is the answer cut after this slice, of those after which it could be?"""
    answers: list[AnswerRun] = [one for _, one in found.answers]
    if not answers:
        return None
    places = [
        (index, number + 1, one.ends[number], one.cut and number + 1 == one.slices)
        for index, one in enumerate(answers)
        for number in range(one.slices if one.cut else one.slices - 1)
    ]
    if len(places) > _MOST_PAIRS:
        chosen = np.random.default_rng(_SEED).choice(len(places), _MOST_PAIRS, replace=False)
        places = [places[index] for index in np.sort(chosen).tolist()]
    return Task(
        {
            "slice number": [float(number) for _, number, _, _ in places],
            "last character heard": [end for _, _, end, _ in places],
        },
        np.array([cut for _, _, _, cut in places], dtype=bool),
        {BY_DIALOGUE: [answers[index].group for index, _, _, _ in places]},
    )


def _measured(task: Task, folds: Sequence[str] = (BY_DIALOGUE, NEW_SENTENCES)) -> Figures:
    yes = int(task.label.sum())
    figures: Figures = {
        "examples": len(task.label),
        "yes": yes,
        "source_dialogues": len(set(task.folds[BY_DIALOGUE])),
    }
    least = min(yes, len(task.label) - yes, *(len(set(one)) for one in task.folds.values()))
    if least < FOLDS:
        figures["not_measured"] = (
            f"{yes:,} yes and {len(task.label) - yes:,} no of {figures['source_dialogues']:,} "
            f"source dialogues are too few: it takes {FOLDS} of each"
        )
        return figures
    coded = {name: _coded(values) for name, values in task.cues.items()}
    for by in (one for one in folds if one in task.folds):
        groups = task.folds[by]
        figures[by] = {name: _auc([values], task.label, groups) for name, values in coded.items()}
        figures[by]["all together"] = _auc(list(coded.values()), task.label, groups)
    return figures


def _coded(values: Sequence[Any]) -> npt.NDArray[np.object_]:
    """A cue's values as categories; measured ones in bins of as many examples each."""
    if not isinstance(values[0], float):
        return np.array([str(one) for one in values], dtype=object)
    numbers = np.array(values)
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, _BINS + 1)[1:-1]))
    return np.array([str(one) for one in np.digitize(numbers, edges)], dtype=object)


def _auc(
    columns: Sequence[npt.NDArray[np.object_]],
    label: npt.NDArray[np.bool_],
    groups: Sequence[str],
) -> float | None:
    """The mean AUC over folds, of a logistic regression over the categories of some cues."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import GroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    table = np.stack(columns, axis=1)
    scores = []
    for train, test in GroupKFold(FOLDS).split(table, groups=np.array(groups, dtype=object)):
        if len(set(label[train].tolist())) < 2 or len(set(label[test].tolist())) < 2:
            continue
        model = make_pipeline(
            OneHotEncoder(handle_unknown="ignore"), LogisticRegression(solver="liblinear")
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one that did not converge still ranks
            model.fit(table[train], label[train])
        said = model.decision_function(table[test])
        scores.append(float(roc_auc_score(label[test], said)))
    return float(np.mean(scores)) if scores else None


def _wording(found: Examples, lists: Mapping[tuple[str, str], TransitionList]) -> list[Figures]:
    """How varied transitions and statements are, of each kind and language."""
    figures = []
    said: dict[tuple[str, str], list[str]] = {}
    for _, one in sorted(found.wording, key=lambda one: one[0]):
        said.setdefault((one.kind, one.language), []).append(one.text)
    for (kind, language), every in sorted(said.items()):
        texts = every[:MOST_TEXTS]
        counts = Counter(texts)
        shares = [count / len(texts) for count in counts.values()]
        entropy = sum(-share * log2(share) for share in shares)  # never -0.0
        known = lists.get((kind, language))
        figures.append({
            "kind": kind,
            "language": language,
            "texts": len(texts),
            "distinct": len(counts),
            "listed": len(known.sentences) if known else None,
            "distinct_1": _distinct(texts, language, 1),
            "distinct_2": _distinct(texts, language, 2),
            "distinct_3": _distinct(texts, language, 3),
            "entropy_bits": entropy,
            "as_many_as": 2**entropy,
        })  # fmt: skip
    return figures


def _distinct(texts: Sequence[str], language: str, n: int) -> float | None:
    """Distinct-n: different runs of n words, of all."""
    runs = [run for text in texts for run in _runs(text, language, n)]
    return len(set(runs)) / len(runs) if runs else None


def _runs(text: str, language: str, n: int) -> Iterator[tuple[str, ...]]:
    words = [text[begin:end].casefold() for begin, end in word_spans(text, language or "zh")]
    return (tuple(words[at : at + n]) for at in range(len(words) - n + 1))
