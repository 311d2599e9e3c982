"""What each knob is: one table, from which the recipe's reference and its default are written."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Knob:
    """A knob of the recipe, in words.

    Attributes:
        name: its key in a recipe.
        default: what holds where nothing is said, as the docs show it.
        meaning: in Markdown, links relative to docs/.
        flag: of `build`; empty if it has none.
        example: a value as TOML, shown where the default is that nothing is set.
    """

    name: str
    default: str
    meaning: str
    flag: str = ""
    example: str = ""


KNOBS = (
    Knob("format", "", "what to render: `tdm` or `duo`", "--format", '"tdm"'),
    Knob("source", '`["ultrachat"]`', "see [sources](sources.md)", "--source"),
    Knob(
        "sources",
        "none",
        "in place of `source`: a mixture, see [below](#mixtures)",
        example='[{ path = "dialogues.jsonl", weight = 0.5 }]',
    ),
    Knob("layout", "guessed", "how rows are read", "--layout", '"openai"'),
    Knob("limit", "all", "the first N source rows", "--limit", "1000"),
    Knob(
        "samples",
        "tdm 0, duo 10,000",
        "rows kept, those with the lowest hash of (seed, id); 0 is all",
        "--samples",
        "0",
    ),
    Knob("seed", "0", "of all chance", "--seed"),
    Knob(
        "rates",
        "the paper's",
        "for each type the share of dialogues that take part; types not named are off; "
        "see [types](types.md)",
        "--rates",
    ),
    Knob(
        "per_dialogue",
        "`all`",
        "`all`: every type its share of dialogues; `one`: each dialogue in one type, the rates "
        "being weights",
    ),
    Knob(
        "statements",
        "tdm 0, duo 0.5",
        "[statements](statements.md) per answer",
        "--statements",
        "0.5",
    ),
    Knob("over", "0.5", "of them, the share spoken over the answer, where they fit"),
    Knob("joined_statements", "0.5", "of them, the share that are two or three sentences"),
    Knob(
        "statement_banks",
        "shipped",
        "files of your own, by language",
        example='{ en = "my_statements.toml" }',
    ),
    Knob(
        "max_tokens",
        "no bound",
        "tokens of text a row may hold: see [below](#a-length-budget)",
        "--max-tokens",
        "2000",
    ),
    Knob(
        "shorten",
        "`end`",
        "where a longer row loses whole rounds: `end`, `front`, or `either` (from the end as far "
        "as can be, then the front)",
    ),
    Knob("duplicates", "`reject`", "or `keep`", "--duplicates"),
    Knob("language", "`auto`", "or `en`, `zh` for all", "--language"),
    Knob("max_characters", "200000", "a longer dialogue is rejected as `too_long`; 0 is no bound"),
    Knob("tokenizer", "`cl100k_base`", "see [sources](sources.md#tokenizers)", "--tokenizer"),
    Knob("slice_tokens", "10", "tokens an assistant slice", "--slice-tokens"),
    Knob("tail_idle", "1", "silent pairs at the end of a row"),
    Knob(
        "llm",
        "`offline`",
        "who writes what the source lacks: `offline`, `openai`, `fake`; see "
        "[text from a model](llm.md)",
        "--llm",
    ),
    Knob("model", "none", "who is asked; needed for `openai`", "--model", '"gpt-4o-mini"'),
    Knob("model_strong", "`model`", "who is asked for asides", "--model-strong", '"gpt-4o"'),
    Knob(
        "base_url",
        "OpenAI's",
        "of an OpenAI-compatible server",
        "--base-url",
        '"http://localhost:8000/v1"',
    ),
    Knob("temperature", "the server's", "of each request", example="0.7"),
    Knob(
        "max_reply_tokens",
        "2048",
        "`max_tokens` of each request; 0 sends none",
        example="2048",
    ),
    Knob(
        "request",
        "none",
        "a table of further fields of each request",
        example="{ top_p = 0.9 }",
    ),
    Knob("tries", "3", "how often something is asked for until a reply can be used", example="3"),
    Knob(
        "on_failure",
        "`offline`",
        "after that: `offline` text stands in, or `leave_out` the row",
        example='"offline"',
    ),
    Knob(
        "critic",
        "false",
        "whether the model judges its statements and fused messages",
        "--critic",
        "true",
    ),
    Knob("prompts", "shipped", "folders of your own, by language", example='{ en = "my-prompts" }'),
    Knob(
        "fake_faults",
        "0",
        "of `fake`: the share of replies that are spoilt",
        "--fake-faults",
        "0.3",
    ),
    Knob("stop_share", "0.2", "of cuts, the share that ask for silence; see [types](types.md)"),
    Knob(
        "bare_share",
        "as any other",
        "of interjections and resets, the share without a transition; see "
        "[types](types.md#joining)",
        example="0.1",
    ),
    Knob(
        "group_weights",
        "1 each",
        "how often topic_interweaving takes 3, 4 or 5 dialogues",
        example="{ 3 = 1.0, 4 = 1.0, 5 = 1.0 }",
    ),
    Knob(
        "transitions",
        "shipped",
        "files of your own, by language",
        example='{ en = "my_transitions.toml" }',
    ),
    Knob("validation", "0", "share of dialogues in the validation split", "--validation"),
    Knob("markers", "MiniCPM-duplex's and DUO's", "control tokens that are defused"),
    Knob("block_rows", "2048", "dialogues a block: the unit of work, of resuming, and a shard"),
)
"""Every knob of `Recipe`, in its order."""

SOURCE_KNOBS = (
    Knob("path", "", "what `--source` takes"),
    Knob("layout", "the recipe's", "how its rows are read"),
    Knob("limit", "all", "its first N rows, rejects included"),
    Knob("language", "the recipe's", "`auto`, or `en` or `zh` for all of it"),
    Knob(
        "weight",
        "1",
        "the share of its dialogues that are used, each drawn by chance; above 0, at most 1",
    ),
    Knob(
        "ordinary",
        "0",
        "of these, the share that stay ordinary chat: each becomes one `uninterrupted` row "
        "without statements, and is in no other type",
    ),
    Knob("per_dialogue", "the recipe's", "`all` or `one` of its other dialogues"),
)
"""Every key of a `[[sources]]` table, in the order of `SourceOptions`."""

NOT_HASHED = {
    "--out": "where the run goes; the bytes do not name it",
    "--workers": "blocks are built alike by one process or many",
    "--engine": "and wherever they are built",
    "--rpm": "how fast a model is asked",
    "--tpm": "the same",
    "--max-in-flight": "the same",
    "--client": "the same",
    "--batch": "how requests are sent; the reply to a request is kept under the same key",
    "--fake-latency": "the same",
    "--max-cost": "when asking stops, not what is asked",
    "--max-requests": "the same",
    "--price-in": "the same",
    "--price-out": "the same",
    "--cache": "where replies are kept; the reply to a request is the same in each",
    "--key-file": "a key is written nowhere",
    "--retry-failed": "the rows of a finished run whose requests failed; others stay as they are",
    "--config": "what the file says is in the recipe; its name is not",
    "--overwrite": "what was in the folder before is in no byte of the new run",
    "--push": "what is done with a finished run",
    "--quiet": "how much is told",
    "--verbose": "the same",
    "--debug": "how an error is told",
}
"""What a build may be told that is no part of the recipe and of its hash, and why."""
