"""The dataset card: `README.md` of a run's folder."""

from collections.abc import Mapping, Sequence
from typing import Any

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))

FORMAT_TEXTS = {
    "tdm": (
        "time slices",
        "`output` alternates user and assistant slices; `<idle>` is silence. A pair stands for "
        "about 2 seconds.",
    ),
    "duo": (
        "state tokens",
        "`messages` are turns; a user content ends in `<1>` (to be answered, or a call for "
        "silence) or `<2>` (needs no answer).",
    ),
}


def card(manifest: Mapping[str, Any]) -> str:
    """The card of a finished run, from its manifest alone."""
    counted = manifest["counts"]
    recipe = manifest["recipe"]
    splits = [split for split in ("train", "validation") if counted["splits"].get(split)]
    short, long = FORMAT_TEXTS[manifest["format"]]
    rows = sum(counted["written"].values())
    lines = [
        "---",
        "language:",
        *(f"- {language}" for language in counted["languages"]),
        "task_categories:",
        "- text-generation",
        "size_categories:",
        f"- {_size(rows)}",
        "tags:",
        "- duplex",
        "- full-duplex",
        "- dialogue",
        "- duplexdata",
        "configs:",
        "- config_name: default",
        "  data_files:",
        *(
            line
            for split in splits
            for line in (f"  - split: {split}", f"    path: data/{split}-*.parquet")
        ),
        "---",
        "",
        f"# Duplex dialogues, {short}",
        "",
        f"{rows:,} conversations for training duplex language models, made by duplexdata "
        f"{manifest['duplexdata']} in the format `{manifest['format']}`. {long}",
        "",
        "```python",
        "import datasets",
        "",
        "rows = datasets.load_dataset('FOLDER_OR_REPOSITORY')",
        "```",
        "",
        *_table("type", "rows", counted["written"]),
        *_table("split", "rows", counted["splits"]),
        *_table("language", "rows", counted["languages"]),
        *_table("text written by", "rows", counted["generators"]),
        "`source` means that every word is the source's; `offline` that transition sentences "
        "were added without a model.",
        "",
        "## How it was made",
        "",
        f"- sources: {', '.join(_source(one) for one in manifest['sources'])}",
        f"- source rows: {counted['source_rows']:,}; used {counted['kept']:,}; rejected "
        f"{sum(counted['rejected'].values()):,}"
        + _reasons(counted["rejected"])
        + "; each is named in `rejected.parquet`",
        f"- tokenizer: `{manifest['tokenizer']['name']}`, "
        f"{recipe['slice_tokens']} tokens an assistant slice",
        f"- seed: {recipe['seed']}; recipe sha256: `{manifest['recipe_sha256']}`",
        "",
        "`manifest.json` holds the whole recipe, all counts, and a sha256 a file.",
        "",
    ]
    return "\n".join(lines)


def _size(rows: int) -> str:
    return next((name for bound, name in _SIZES if rows < bound), "1M<n<10M")


def _table(name: str, unit: str, counted: Mapping[str, int]) -> Sequence[str]:
    return (
        f"| {name} | {unit} |",
        "|---|---:|",
        *(f"| `{key}` | {count:,} |" for key, count in counted.items()),
        "",
    )


def _source(source: Mapping[str, Any]) -> str:
    return f"`{source['name']}` ({source['rows']:,} rows, sha256 `{source['sha256'][:12]}…`)"


def _reasons(rejected: Mapping[str, int]) -> str:
    if not rejected:
        return ""
    return " (" + ", ".join(f"{reason} {count:,}" for reason, count in rejected.items()) + ")"
