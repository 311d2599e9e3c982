"""The card of a repository: one head for all configurations, a part for each.

The part of a configuration stands between two comments; pushing it again replaces what is
between them. Whatever else the card holds is kept, in its head too.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import PublishError
from ..export.card import size_category

_BEGIN = "<!-- duplexdata push writes what stands between here and the end: {facts} -->"
_END = "<!-- the end of {config} -->"
_PART = re.compile(
    r"<!-- duplexdata push writes what stands between here and the end: (?P<facts>\{.*?\}) -->\n"
    r".*?<!-- the end of (?P<config>[^\n]*?) -->\n?",
    re.DOTALL,
)
_THERE = "the repository's README.md"
_LISTS = ("language", "task_categories", "tags")


@dataclass(frozen=True, slots=True)
class RunCard:
    """The card of a run, for its part of a repository's.

    Attributes:
        config: the run's configuration.
        rows: of the run.
        head: its YAML.
        text: what stands below it.
    """

    config: str
    rows: int
    head: Mapping[str, Any]
    text: str


def run_card(written: str, where: str, head: Mapping[str, Any], *, rows: int) -> RunCard:
    """The card of a run: what we know of it wins over the head that is written.

    Args:
        written: the README.md as it is.
        where: it is, for an error.
        head: what `card_data` gave for the run.
        rows: of the run.

    Raises:
        PublishError: its head cannot be read.
    """
    card = _read(written, where)
    theirs = _head(card)
    return RunCard(
        config=head["configs"][0]["config_name"],
        rows=rows,
        head=theirs | dict(head) | {key: _union(head[key], theirs.get(key)) for key in _LISTS},
        text=card.text.strip(),
    )


def repository_card(there: str | None, ours: RunCard) -> str:
    """The README.md of a repository once a run is pushed.

    Args:
        there: the one that it has, if it has one.
        ours: of the run.

    Raises:
        PublishError: the head of the card that is there cannot be read.
    """
    facts = {"config": ours.config, "rows": ours.rows}
    part = f"{_begin(facts)}\n{ours.text}\n{_END.format(config=ours.config)}\n"
    before = _read(there, _THERE) if there is not None else None
    text = _with_part(before.text if before else "", ours.config, part)
    head = _head(before) if before else {}
    parts = [json.loads(found["facts"]) for found in _PART.finditer(text)]
    merged = {
        **{key: _union(head.get(key), ours.head.get(key)) for key in _LISTS},
        "license": ours.head["license"],
        "size_categories": [size_category(sum(one["rows"] for one in parts))],
        "configs": _merged(_listed(head.get("configs")), ours.head["configs"]),
    }
    return _whole({**ours.head, **head, **merged}, text)


def licence_there(card: str | None) -> str | None:
    """The licence that a repository's card names, if there is one."""
    return _head(_read(card, _THERE)).get("license") if card else None


def _read(card: str, where: str) -> Any:
    import yaml
    from huggingface_hub import DatasetCard

    try:
        # A card without a head is one all the same; the client would warn of it.
        return DatasetCard(card if card.lstrip().startswith("---") else f"---\n{{}}\n---\n{card}")
    except (ValueError, TypeError, yaml.YAMLError) as error:
        reason = str(error).splitlines()[0]
        raise PublishError(
            f"the head of {where} cannot be read ({reason}): mend it there first"
        ) from None


def _head(card: Any) -> dict[str, Any]:
    """The head of a card; the client gives it without types."""
    head: dict[str, Any] = card.data.to_dict()
    return head


def _begin(facts: Mapping[str, Any]) -> str:
    return _BEGIN.format(facts=json.dumps(facts))


def _with_part(text: str, config: str, part: str) -> str:
    """A text with the part of a configuration, in its place or at the end."""
    for found in _PART.finditer(text):
        if found["config"] == config:
            return text[: found.start()] + part + text[found.end() :]
    return f"{text.rstrip()}\n\n{part}" if text.strip() else part


def _merged(there: Sequence[Any], ours: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Configurations with ours in place of those of their names."""
    named = {one["config_name"]: one for one in ours}
    merged = [
        named.pop(one["config_name"])
        if isinstance(one, dict) and one.get("config_name") in named
        else one
        for one in there
    ]
    return [*merged, *named.values()]


def _union(*values: Any) -> list[Any]:
    return list(dict.fromkeys(one for value in values for one in _listed(value)))


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _whole(data: Mapping[str, Any], text: str) -> str:
    from huggingface_hub import DatasetCardData

    return f"---\n{DatasetCardData(**data).to_yaml()}\n---\n\n{text.strip()}\n"
