"""The card of a repository: one head for all configurations, a part for each.

The part of a configuration stands between two comments; pushing it again replaces what is
between them. Whatever else the card holds is kept, in its head too.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
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
_LISTS = ("language", "task_categories", "tags")


def repository_card(
    there: str | None, ours: str, *, config: str | None, rows: int, licence: str
) -> str:
    """The card of a repository once a run is pushed.

    Args:
        there: the card that it has, if it has one.
        ours: of the run.
        config: the run's configuration; None is the default one.
        rows: of the run.
        licence: of the run.

    Returns:
        The whole README.md.

    Raises:
        PublishError: the head of the card that is there cannot be read.
    """
    from huggingface_hub import DatasetCard

    mine = DatasetCard(ours)
    data = _dict(mine) | {"license": licence}
    facts = {
        "config": config or "default",
        "rows": rows,
        **{key: data.get(key, []) for key in _LISTS},
    }
    part = f"{_begin(facts)}\n{mine.text.strip()}\n{_END.format(config=facts['config'])}\n"
    if there is None:
        return _whole(data | _summed([facts]), part)
    before = _read(there)
    text = _with_part(before.text, str(facts["config"]), part)
    parts = [json.loads(found["facts"]) for found in _PART.finditer(text)]
    head = _dict(before)
    head |= {key: value for key, value in data.items() if key not in head}
    head |= {"license": licence, **_summed(parts)}
    for key in _LISTS:
        head[key] = _union([_listed(before.data.get(key)), data.get(key, [])])
    head["configs"] = _merged(_listed(before.data.get("configs")), data["configs"])
    return _whole(head, text)


def licence_there(card: str | None) -> str | None:
    """The licence that a repository's card names, if there is one."""
    return _read(card).data.get("license") if card else None


def _read(card: str) -> Any:
    import yaml
    from huggingface_hub import DatasetCard

    try:
        # A card without a head is one all the same; the client would warn of it.
        return DatasetCard(card if card.lstrip().startswith("---") else f"---\n{{}}\n---\n{card}")
    except (ValueError, yaml.YAMLError) as error:
        reason = str(error).splitlines()[0]
        raise PublishError(
            f"the head of the repository's README.md cannot be read ({reason}): mend it there first"
        ) from None


def _dict(card: Any) -> dict[str, Any]:
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


def _summed(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {"size_categories": [size_category(sum(one["rows"] for one in parts))]}


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


def _union(lists: Iterable[Sequence[Any]]) -> list[Any]:
    return list(dict.fromkeys(one for values in lists for one in values))


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _whole(data: Mapping[str, Any], text: str) -> str:
    from huggingface_hub import DatasetCardData

    return f"---\n{DatasetCardData(**data).to_yaml()}\n---\n\n{text.strip()}\n"
