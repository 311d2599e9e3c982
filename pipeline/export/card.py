"""The dataset card: `README.md` of a run's folder, from its manifest and its rows."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from ..load.hub import pinned_name
from ..load.rejects import REASONS
from ..toml_text import toml_of
from . import card_texts as texts
from .card_measured import Measured, cue_lines, lengths
from .examples import examples
from .lanes import code, pairs_table, turns_table
from .licence import licence_of, source_licences, why_unknown

if TYPE_CHECKING:
    from jinja2 import Template

_SIZES = (
    *((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K")),
    *((1_000_000, "100K<n<1M"), (10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M")),
)
_MOST_PAIRS = 24
_SEAL = re.compile(r"<!-- duplexdata card ([0-9a-f]{64}) -->\n?\Z")

CHANGES = "changes.md"
"""What differs from another run, as `duplexdata diff --card` leaves it in a run's folder."""

TAGS = ("duplex", "full-duplex", "dialogue", "duplexdata")


def card(
    folder: Path,
    manifest: Mapping[str, Any],
    *,
    repository: str | None = None,
    config: str | None = None,
    licence: str | None = None,
    measured: Measured | None = None,
) -> str:
    """The card of a finished run: the same text for the same files.

    Args:
        folder: the run's, its shards finished.
        manifest: of the run.
        repository: where it will be on the Hub, as `owner/name`, if that is known.
        config: under which configuration; None is the default one.
        licence: in place of what the sources say.
        measured: what was measured of its rows; None if nothing was yet.
    """
    import yaml

    head = card_data(manifest, config=config, licence=licence)
    known = {key: value for key, value in head.items() if value is not None}
    filled = template().render(
        card_data=yaml.safe_dump(known, sort_keys=False, allow_unicode=True).strip(),
        **_values(folder, manifest, repository, config, licence),
        **lengths(manifest["counts"], measured),
        measure=_measure(repository, config),
        cues=list(cue_lines(measured)),
    )
    text = f"{filled.rstrip()}\n"
    return f"{text}\n<!-- duplexdata card {sha256(text.encode()).hexdigest()} -->\n"


@lru_cache(maxsize=1)
def template() -> "Template":
    """The blank card."""
    # Not by huggingface_hub's DatasetCard, which takes longer to import than a block to build.
    from jinja2 import Template

    found: Template = Template((files(__package__) / "card.md.jinja").read_text("utf-8"))
    return found


def is_written_here(text: str) -> bool:
    """Whether a card is as `card` wrote it, and nobody changed it since."""
    seal = _SEAL.search(text)
    if not seal:
        return False
    return sha256(without_seal(text).encode()).hexdigest() == seal[1]


def without_seal(text: str) -> str:
    """A card without the line that tells whether it was changed."""
    return _SEAL.sub("", text).rstrip("\n") + "\n"


def card_data(
    manifest: Mapping[str, Any], *, config: str | None, licence: str | None
) -> dict[str, Any]:
    """The YAML at the head of a card, as the Hub and `datasets` read it; None is left out."""
    counted = manifest["counts"]
    prefix = f"{config}/" if config else ""
    return {
        "language": [name for name, count in counted["languages"].items() if count],
        "license": licence or licence_of(manifest["sources"]),
        "size_categories": [size_category(sum(counted["written"].values()))],
        "task_categories": ["text-generation"],
        "tags": list(TAGS),
        "configs": [
            {
                "config_name": config or "default",
                "data_files": [
                    {"split": split, "path": f"{prefix}data/{split}-*.parquet"}
                    for split in _splits(counted)
                ],
            }
        ],
    }


def _splits(counted: Mapping[str, Any]) -> list[str]:
    """The splits that hold a row; where there are few dialogues all may be in the second."""
    return [split for split in ("train", "validation") if counted["splits"].get(split)]


def size_category(rows: int) -> str:
    """The Hub's name for a number of rows."""
    return next((name for bound, name in _SIZES if rows < bound), "100M<n<1B")


def _values(
    folder: Path,
    manifest: Mapping[str, Any],
    repository: str | None,
    config: str | None,
    licence: str | None,
) -> dict[str, Any]:
    """What the template's blanks are filled with."""
    counted, recipe, row_format = manifest["counts"], manifest["recipe"], manifest["format"]
    title = texts.TITLES[row_format]
    where = [repository or "FOLDER_OR_REPOSITORY", *([config] if config else [])]
    known = licence_of(manifest["sources"])
    why = why_unknown(manifest["sources"])
    return {
        "title": f"{config}: {title}" if config else title,
        "rows": f"{sum(counted['written'].values()):,}",
        "duplexdata": manifest["duplexdata"],
        "format": row_format,
        "format_text": texts.FORMAT_TEXTS[row_format],
        "lanes_text": texts.LANE_TEXTS[row_format],
        "lane": "output" if row_format == "tdm" else "messages",
        "licence": licence or known,
        "licence_reason": _licence_reason(licence, known, why),
        "examples": list(_examples(folder, manifest)),
        "languages": list(counted["languages"]),
        "counted": list(_counted(folder, manifest)),
        "splits": list(_lines(counted["splits"])),
        "generators": list(_lines(counted["generators"])),
        "sources": list(_sources(manifest)),
        "source_rows": f"{counted['source_rows']:,}",
        "kept": f"{counted['kept']:,}",
        "tokenizer": manifest["tokenizer"]["name"],
        "slice_tokens": recipe["slice_tokens"],
        "seed": recipe["seed"],
        "recipe_sha256": manifest["recipe_sha256"],
        "budget": _budget(manifest),
        "prompts": list(_prompts(manifest)),
        "not_named": texts.not_named(manifest),
        "mixture": texts.mixture(manifest),
        "left_out": list(_left_out(counted)),
        "recipe_toml": toml_of({**recipe, "source": _pinned_sources(manifest)}),
        "versions": _versions(manifest),
        "load": ", ".join(json.dumps(one, ensure_ascii=False) for one in where),
        "split": _splits(counted)[0],
        "trainer_text": texts.TRAINER_TEXTS[row_format],
        "limits": texts.limits(manifest),
        "changes": _changes(folder),
        "citations": texts.citations(manifest),
    }


def _measure(repository: str | None, config: str | None) -> str:
    """The command that measures what a card lacks."""
    where = "/".join(filter(None, [repository, config])) if repository else "OUT"
    return f"duplexdata stats {where} --probes"


def _changes(folder: Path) -> str:
    file = folder / CHANGES
    return file.read_text("utf-8").strip() if file.is_file() else ""


def _licence_reason(licence: str | None, known: str | None, why: str) -> str:
    if licence and licence != known:
        return (
            f", as whoever published this says ({why})"
            if known is None
            else (f", as whoever published this says; that of the sources is `{known}`")
        )
    return ", that of the sources below" if known else why[0].upper() + why[1:]


def _examples(folder: Path, manifest: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, row in examples(folder, manifest).items():
        tdm = manifest["format"] == "tdm"
        unheard = [one["unheard"] for one in row["utterances"] if one["unheard"]]
        yield {
            "name": name,
            "text": texts.TYPE_TEXTS.get(name, ""),
            "lines": list(pairs_table(row, _MOST_PAIRS) if tdm else turns_table(row)),
            "unheard": "; ".join(map(code, unheard)),
        }


def _counted(folder: Path, manifest: Mapping[str, Any]) -> Iterator[str]:
    """Rows by type and language, as lines of a table."""
    languages, written = list(manifest["counts"]["languages"]), manifest["counts"]["written"]
    if len(languages) == 1:
        counted = Counter({(name, languages[0]): count for name, count in written.items()})
    else:
        counted = _by_language(folder, manifest)
    for name, all_of_it in written.items():
        cells = [f"{counted[name, language]:,}" for language in languages]
        yield f"| `{name}` | {' | '.join([*cells, f'{all_of_it:,}'])} |"


def _by_language(folder: Path, manifest: Mapping[str, Any]) -> Counter[tuple[str, str]]:
    """How many rows there are of each type and language."""
    counted: Counter[tuple[str, str]] = Counter()
    for path in manifest["files"]:
        if path.startswith("data/"):
            # Read so, pyarrow imports neither its data sets nor pandas.
            with pq.ParquetFile(folder / path) as file:
                table = file.read(columns=["type", "language"])
            counted.update(zip(*(column.to_pylist() for column in table.columns), strict=True))
    return counted


def _lines(counted: Mapping[str, int]) -> Iterator[str]:
    for name, count in counted.items():
        yield f"| `{name}` | {count:,} |"


def _sources(manifest: Mapping[str, Any]) -> Iterator[str]:
    licences = source_licences(manifest["sources"])
    for one in manifest["sources"]:
        licence = licences[one["source"]]
        said = f"`{licence}`" if licence else "not known"
        hashed = f"`{one['sha256'][:12]}…`" if one["sha256"] else "not known"
        yield f"| {code(_source_name(one))} | {one['rows']:,} | {hashed} | {said} |"


def _pinned_sources(manifest: Mapping[str, Any]) -> list[str]:
    """The recipe's sources, with the commits that were read of those on the Hub."""
    return [pinned_name(one, manifest["sources"]) for one in manifest["recipe"]["source"]]


def _source_name(source: Mapping[str, Any]) -> str:
    """A file as the card calls it: no path of the machine that it was built on."""
    name: str = source["name"]
    if not source.get("revision"):
        return name
    path = source["file"].partition("@")[2].partition("/")[2]
    return f"{source['repository']}@{source['revision'][:12]}/{path}"


def _budget(manifest: Mapping[str, Any]) -> str:
    most = manifest["recipe"].get("max_tokens")
    if not most:
        return ""
    shortened = sum(manifest["counts"].get("shortened", {}).values())
    return f"at most {most:,} tokens of text a row; {shortened:,} rows lost whole rounds to it"


def _prompts(manifest: Mapping[str, Any]) -> Iterator[str]:
    for name, kind in (("transitions", "transition sentences"), ("statement_banks", "remarks")):
        for language, digest in manifest[name].items():
            yield f"{kind}, {language}: sha256 `{digest[:12]}…`"
    models = {
        one
        for name in manifest["counts"]["generators"]
        for one in name.split("+")
        if one not in {"source", "offline"}
    }
    yield f"models: {', '.join(f'`{one}`' for one in sorted(models)) or 'none'}"


def _left_out(counted: Mapping[str, Any]) -> Sequence[str]:
    lines = [
        f"| {REASONS.get(reason, reason)} | all types | {count:,} |"
        for reason, count in counted["rejected"].items()
        if count
    ]
    for reason, by_type in counted["left_out"].items():
        why = texts.LEFT_OUT_TEXTS.get(reason, reason)
        lines += [f"| {why} | `{name}` | {count:,} |" for name, count in by_type.items() if count]
    return lines


def _versions(manifest: Mapping[str, Any]) -> str:
    named = [f"duplexdata {manifest['duplexdata']}"]
    named += [f"{name} {version}" for name, version in manifest["versions"].items()]
    named += [f"{language}: {name}" for language, name in manifest["segmenters"].items()]
    return ", ".join(named)
