"""The flags of the commands that read a recipe, each once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

Debug = Annotated[bool, typer.Option("--debug", help="Show a traceback on an error.")]
Format = Annotated[str | None, typer.Option("--format", help="What to render: tdm or duo.")]
Source = Annotated[
    list[str] | None,
    typer.Option(
        "--source",
        help="sample (embedded), ultrachat, ultrachat_200k, a dataset on the Hub "
        "(owner/name[@revision]), or a file, folder, glob or URL (s3://, gs://, hf://) of "
        ".jsonl .json .parquet, plain or .gz or .zst; may be given several times.  "
        "[default: ultrachat]",
    ),
]
Layout = Annotated[
    str | None,
    typer.Option(
        "--layout",
        help="How rows are read: ultrachat, ultrachat_200k, openai, sharegpt, oasst; "
        "duplex_ultrachat, tdm, duo.  [default: guessed, and said]",
    ),
]
Out = Annotated[
    str | None,
    typer.Option(
        "--out",
        help="The run's folder, or its URL (s3://, gs://).  "
        "[default: outputs/<format>-<first source>-<seed>]",
    ),
]
Limit = Annotated[
    int | None, typer.Option("--limit", help="Read the first N source rows.  [default: all]")
]
Samples = Annotated[
    int | None,
    typer.Option("--samples", help="Rows kept; 0 is all.  [default: tdm 0, duo 10000]"),
]
Seed = Annotated[int | None, typer.Option("--seed", help="Of all chance.  [default: 0]")]
Rates = Annotated[
    str | None,
    typer.Option(
        "--rates",
        help="For each type the share of dialogues that take part, as a=1,b=0.5; types not "
        "named are off.  [default: uninterrupted=1, topic_interweaving=1, "
        "generation_termination=1, regeneration=0.55, dialogue_reset=1, back_on_topic=0.22]",
    ),
]
Statements = Annotated[
    float | None,
    typer.Option(
        "--statements",
        help="Remarks that need no answer, per answer.  [default: tdm 0, duo 0.5]",
    ),
]
MaxTokens = Annotated[
    int | None,
    typer.Option(
        "--max-tokens",
        help="Tokens of text that a row may hold, by the run's tokenizer; a longer one loses "
        "whole rounds, or is left out. A prompt's markup comes on top: for tdm about as many "
        "again, for duo about a tenth.  [default: no bound]",
    ),
]
Duplicates = Annotated[
    str | None,
    typer.Option("--duplicates", help="Same roles and texts: reject or keep.  [default: reject]"),
]
Language = Annotated[
    str | None,
    typer.Option("--language", help="auto, or en or zh for all.  [default: auto]"),
]
Tokenizer = Annotated[
    str | None,
    typer.Option(
        "--tokenizer",
        help="A tiktoken encoding, a tokenizer.json, a sentencepiece .model, or a folder with "
        "one.  [default: cl100k_base]",
    ),
]
SliceTokens = Annotated[
    int | None, typer.Option("--slice-tokens", help="Tokens an assistant slice.  [default: 10]")
]
Llm = Annotated[
    str | None,
    typer.Option(
        "--llm",
        help="Who writes what the source lacks: offline; a model by openai (any server with that "
        "interface); or fake, which stands in for one.  [default: offline]",
    ),
]
Validation = Annotated[
    float | None,
    typer.Option("--validation", help="Share of dialogues for the validation split.  [default: 0]"),
]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="Processes.  [default: all cores]")
]
Engine = Annotated[str, typer.Option("--engine", help="Where blocks run: local.")]
Config = Annotated[
    Path | None,
    typer.Option("--config", help="A TOML recipe, or a run's manifest.json; flags win."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Start the folder anew.")]
StageOut = Annotated[Path, typer.Option("--out", help="The folder that is made.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Tell nothing but errors.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Tell a line a block, too.")]
PushTo = Annotated[
    str | None,
    typer.Option("--push", help="Then publish it as this dataset on the Hub, owner/name."),
]

Model = Annotated[str | None, typer.Option("--model", help="Of the server that --llm openai asks.")]
ModelStrong = Annotated[
    str | None,
    typer.Option(
        "--model-strong",
        help="Asked for asides, which are hardest to write.  [default: --model]",
    ),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        "--base-url",
        help="Of an OpenAI-compatible server, as http://localhost:8000/v1.  "
        "[default: OPENAI_BASE_URL, else OpenAI's]",
    ),
]
Critic = Annotated[
    bool | None,
    typer.Option("--critic", help="Have the model judge its statements and fused messages."),
]
FakeFaults = Annotated[
    float | None,
    typer.Option(
        "--fake-faults", help="Of --llm fake: the share of replies that are spoilt.  [default: 0]"
    ),
]
FakeLatency = Annotated[
    float, typer.Option("--fake-latency", min=0, help="Of --llm fake: seconds before a reply.")
]
Rpm = Annotated[float | None, typer.Option("--rpm", help="Requests a minute, at most.")]
Tpm = Annotated[float | None, typer.Option("--tpm", help="Tokens a minute, at most.")]
MaxCost = Annotated[
    float | None,
    typer.Option("--max-cost", help="Stop when so much is spent, in the unit of the prices."),
]
MaxRequests = Annotated[
    int | None, typer.Option("--max-requests", help="Stop after so many requests.")
]
PriceIn = Annotated[
    float, typer.Option("--price-in", min=0, help="Of a million tokens that are sent.")
]
PriceOut = Annotated[
    float, typer.Option("--price-out", min=0, help="Of a million tokens that come back.")
]
MaxInFlight = Annotated[
    int, typer.Option("--max-in-flight", min=1, help="Requests under way at once, at most.")
]
Cache = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        help="The folder of the store of replies.  [default: DUPLEXDATA_CACHE, else the user's "
        "cache folder]",
    ),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key-file",
        help="A file that holds the API key.  [default: DUPLEXDATA_API_KEY_FILE, else the key "
        "itself in OPENAI_API_KEY]",
    ),
]
Client = Annotated[
    str,
    typer.Option("--client", help="Whose connections are used: openai, or the leaner aiohttp."),
]
Batch = Annotated[
    bool,
    typer.Option(
        "--batch",
        help="Send what is asked in batch jobs (OpenAI's Batch API), which cost less and take up "
        "to a day each; a stopped run finds its jobs again.",
    ),
]
RetryFailed = Annotated[
    bool,
    typer.Option(
        "--retry-failed",
        help="Of a finished run: ask anew, alone, what the server had failed to answer.",
    ),
]

RECIPE = (
    *("format", "source", "layout", "limit", "samples", "seed", "rates", "statements"),
    *("max_tokens", "duplicates", "language", "tokenizer", "slice_tokens", "llm", "model"),
    *("model_strong", "base_url", "critic", "fake_faults", "validation"),
)
"""The flags that are knobs of the recipe, by their names there."""

LIMITS = ("rpm", "tpm", "max_cost", "max_requests", "price_in", "price_out", "max_in_flight")
"""The flags that bound how a model is asked."""


ASKING = ("cache", "key_file", "client", "fake_latency", "batch")
"""The flags that say by which way a model is asked, and where its replies are kept."""

MODEL = ("llm", "model", "model_strong", "base_url", "critic", "fake_faults")
"""The flags that say which model is asked."""


def given(names: tuple[str, ...], values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the values of a command's flags that were given."""
    return {name: values[name] for name in names if values[name] is not None}
