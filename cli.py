"""The command line: a command a function, no logic.

Nothing heavy is imported up here: `duplexdata --help` must answer at once.
"""

import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from . import __version__
from .pipeline.errors import DuplexdataError

app = typer.Typer(
    name="duplexdata",
    help="Make training data for duplex language models: models that listen while they speak.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # rich costs a third of the start-up time
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

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
    typer.Option("--llm", help="Who writes what the source lacks: offline.  [default: offline]"),
]
Validation = Annotated[
    float | None,
    typer.Option("--validation", help="Share of dialogues for the validation split.  [default: 0]"),
]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="Processes.  [default: all cores]")
]
Config = Annotated[
    Path | None,
    typer.Option("--config", help="A TOML recipe, or a run's manifest.json; flags win."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Start the folder anew.")]
StageOut = Annotated[Path, typer.Option("--out", help="The folder that is made.")]


def main() -> None:
    """The `duplexdata` command."""
    app()


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"duplexdata {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    pass


@contextmanager
def _told(
    debug: bool, go_on: str | None = None, kept: str = "finished blocks are kept"
) -> Iterator[None]:
    """Turns an error into a line or two on standard error and an exit code."""
    try:
        # What a scheduler sends before it kills is what Ctrl-C is.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        yield
    except KeyboardInterrupt:
        typer.echo(f"stopped; {kept}", err=True)
        _tell_how_to_go_on(go_on)
        raise typer.Exit(1) from None
    except (typer.Exit, BrokenPipeError):
        raise  # of the latter, typer ends without a word: `| head` has what it wanted
    except DuplexdataError as error:
        if debug:
            raise
        typer.echo(f"error: {error}", err=True)
        if error.exit_code == 1:
            _tell_how_to_go_on(go_on)
        raise typer.Exit(error.exit_code) from None
    except Exception as error:
        if debug:
            raise
        name = type(error).__name__
        typer.echo(f"error: {name}: {error}\nthis is a bug: report what --debug shows", err=True)
        _tell_how_to_go_on(go_on)
        raise typer.Exit(1) from None


def _given(**flags: Any) -> dict[str, Any]:
    """The flags that were given."""
    return {name: value for name, value in flags.items() if value is not None}


def _tell_how_to_go_on(command: str | None) -> None:
    if command:
        typer.echo(f"go on with: {command}", err=True)


def _this_command() -> str:
    given = [one for one in sys.argv[1:] if one != "--overwrite"]
    return shlex.join(["duplexdata", *given])


@app.command(
    epilog="Example: duplexdata build --format tdm --source sample --out outputs/sample",
)
def build(
    format: Format = None,  # noqa: A002  # the flag's name
    source: Source = None,
    layout: Layout = None,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            help="The run's folder, or its URL (s3://, gs://).  "
            "[default: outputs/<format>-<first source>-<seed>]",
        ),
    ] = None,
    limit: Limit = None,
    samples: Samples = None,
    seed: Seed = None,
    rates: Rates = None,
    statements: Statements = None,
    max_tokens: MaxTokens = None,
    duplicates: Duplicates = None,
    language: Language = None,
    tokenizer: Tokenizer = None,
    slice_tokens: SliceTokens = None,
    llm: Llm = None,
    validation: Validation = None,
    workers: Workers = None,
    engine: Annotated[str, typer.Option("--engine", help="Where blocks run: local.")] = "local",
    config: Config = None,
    overwrite: Overwrite = False,
    push_to: Annotated[
        str | None,
        typer.Option("--push", help="Then publish it as this dataset on the Hub, owner/name."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Tell nothing but errors.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Tell a line a block, too.")] = False,
    debug: Debug = False,
) -> None:
    """Build a dataset from dialogues, or go on with a build that was stopped.

    Run again, the same command goes on where it stopped; a finished folder is left as it is.
    """
    given = _given(
        format=format,
        source=source,
        layout=layout,
        limit=limit,
        samples=samples,
        seed=seed,
        rates=rates,
        statements=statements,
        max_tokens=max_tokens,
        duplicates=duplicates,
        language=language,
        tokenizer=tokenizer,
        slice_tokens=slice_tokens,
        llm=llm,
        validation=validation,
    )
    with _told(debug, go_on=_this_command()):
        from .pipeline.commands import run_build

        folder = run_build(
            given,
            config=config,
            out=out,
            workers=workers,
            engine=engine,
            overwrite=overwrite,
            quiet=quiet,
            verbose=verbose,
            push=push_to is not None,
        )
    typer.echo(folder)
    if push_to:
        push(Path(folder), push_to, quiet=quiet)


@app.command(
    epilog="Example: duplexdata validate outputs/sample --source sample",
)
def validate(
    path: Annotated[
        str,
        typer.Argument(
            help="A run's folder, a Parquet file, or JSONL in the released layout (.gz too); here, "
            "or on the Hub as owner/name[@revision] or hf://datasets/owner/name[@revision]/path."
        ),
    ],
    source: Annotated[
        list[str] | None,
        typer.Option(
            "--source", help="What it was built of: proves that nothing was lost; repeatable."
        ),
    ] = None,
    layout: Annotated[
        str | None, typer.Option("--layout", help="How the source's rows are read.")
    ] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option("--tokenizer", help="Whose tokens a slice holds.  [default: the manifest's]"),
    ] = None,
    slice_tokens: Annotated[
        int | None,
        typer.Option("--slice-tokens", help="Tokens a slice.  [default: the manifest's]"),
    ] = None,
    show: Annotated[
        int, typer.Option("--show", min=0, help="Offending rows shown for each rule.")
    ] = 3,
    debug: Debug = False,
) -> None:
    """Prove the rules over rows, with code that shares nothing with what made them.

    Says what was proved over how many rows and what could not be; a breach is exit 1.
    """
    from .pipeline.publish.fetch import rows_at, source_copies
    from .pipeline.validate import leave_record
    from .pipeline.validate import validate as prove

    with _told(debug):
        here = rows_at(path)
        report = prove(
            here,
            sources=source or (),
            copies=source_copies(here, source or ()),
            layout=layout,
            tokenizer=tokenizer,
            slice_tokens=slice_tokens,
            show=show,
        )
        if tokenizer is None and slice_tokens is None and here == Path(path):
            leave_record(here, report, source or ())
    typer.echo("\n".join(report.lines()))
    if report.breaches:
        raise typer.Exit(1)


@app.command(
    epilog="Example: duplexdata show outputs/sample --type regeneration -n 1",
)
def show(
    path: Annotated[
        str,
        typer.Argument(
            help="A run's folder, a Parquet file, or JSONL in the released layout (.gz too); here, "
            "or on the Hub as owner/name[@revision] or hf://datasets/owner/name[@revision]/path."
        ),
    ],
    row_id: Annotated[
        str | None, typer.Argument(help="The id of the row to show.  [default: the first rows]")
    ] = None,
    type: Annotated[  # noqa: A002  # the flag's name
        str | None, typer.Option("--type", help="Only rows of this type.")
    ] = None,
    count: Annotated[
        int | None, typer.Option("-n", min=1, help="How many are shown.  [default: 3]")
    ] = None,
    at_random: Annotated[
        bool, typer.Option("--random", help="Rows drawn by seed and id, not the first.")
    ] = False,
    seed: Annotated[int | None, typer.Option("--seed", help="Of --random.  [default: 0]")] = None,
    debug: Debug = False,
) -> None:
    """Show conversations: both sides side by side in time (tdm), or as turns (duo).

    Plain text where the output is no terminal; COLUMNS sets the width there.
    """
    from .pipeline.publish.fetch import rows_at
    from .pipeline.report.show import show as show_rows

    with _told(debug):
        show_rows(rows_at(path), row_id, row_type=type, count=count, at_random=at_random, seed=seed)


@app.command(
    epilog="Example: duplexdata stats outputs/sample",
)
def stats(
    path: Annotated[
        str,
        typer.Argument(
            help="A run's folder, a Parquet file, or JSONL in the released layout (.gz too); here, "
            "or on the Hub as owner/name[@revision] or hf://datasets/owner/name[@revision]/path."
        ),
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object; docs/stats.md names its keys.")
    ] = False,
    by: Annotated[
        str | None, typer.Option("--by", help="Part the types by this too: language.")
    ] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(
            "--tokenizer",
            help="Whose tokens are counted.  [default: the manifest's, else cl100k_base]",
        ),
    ] = None,
    all_tokens: Annotated[
        bool,
        typer.Option(
            "--all-tokens",
            help="Count the tokens of every row, not of a sample that the others are estimated by.",
        ),
    ] = False,
    probes: Annotated[
        bool,
        typer.Option(
            "--probes",
            help="Also measure how well shallow cues tell whether to stop (needs scikit-learn).",
        ),
    ] = False,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes.  [default: all cores]")
    ] = None,
    debug: Debug = False,
) -> None:
    """Count what is in rows: lengths, silence, cuts, transitions, repetition.

    Beside the paper's Table 1. Memory does not grow with the rows.
    """
    from .pipeline.commands import available_cores
    from .pipeline.publish.fetch import rows_at
    from .pipeline.report.stats import stats as count

    with _told(debug):
        here = rows_at(path)
        for line in count(
            here,
            tokenizer=tokenizer,
            by=by,
            as_json=as_json,
            all_tokens=all_tokens,
            probes=probes,
            workers=workers or available_cores(),
            shown=path,
            leave=here == Path(path),
        ):
            typer.echo(line)


@app.command(
    epilog="Example: duplexdata push outputs/sample owner/name --config-name tdm --dry-run",
)
def push(
    folder: Annotated[Path, typer.Argument(help="The folder of a finished run.")],
    repository: Annotated[
        str, typer.Argument(help="The dataset on the Hub, owner/name; made if it is not there.")
    ],
    private: Annotated[
        bool, typer.Option("--private", help="Make a new repository private.")
    ] = False,
    revision: Annotated[
        str | None,
        typer.Option("--revision", help="A branch, made if it is not there.  [default: main]"),
    ] = None,
    create_pr: Annotated[
        bool, typer.Option("--create-pr", help="Open a pull request instead.")
    ] = False,
    config_name: Annotated[
        str | None,
        typer.Option(
            "--config-name",
            help="Configuration, beside others in the repository: load_dataset(REPOSITORY, NAME).",
        ),
    ] = None,
    license: Annotated[  # noqa: A002  # the flag's name
        str | None,
        typer.Option(
            "--license",
            help="As the Hub writes it, such as mit.  [default: what the sources allow]",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check all, write the card, send nothing.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Tell nothing but errors.")] = False,
    debug: Debug = False,
) -> None:
    """Publish a finished run as a dataset on the Hugging Face Hub.

    Says first what is sent, and sends only files that passed validate. Measures for the card
    what no stats.json says yet. The token is HF_TOKEN's or that of `hf auth login`. Run again
    after a failure, the same command goes on.
    """
    from .pipeline.commands import available_cores
    from .pipeline.publish.hub import Target
    from .pipeline.publish.push import push as publish
    from .pipeline.screen import Level, Screen

    with _told(debug, go_on=_this_command(), kept="what the Hub has taken is kept"):
        url = publish(
            folder,
            Target(repository, revision, private, create_pr),
            config=config_name,
            licence=license,
            dry_run=dry_run,
            workers=available_cores(),
            screen=Screen(Level.QUIET if quiet else Level.NORMAL),
        )
    if url:
        typer.echo(url)


@app.command(
    epilog="Example: duplexdata diff outputs/before outputs/after",
)
def diff(
    first: Annotated[
        str,
        typer.Argument(help="A run's folder, or owner/name[@revision][/configuration] on the Hub."),
    ],
    second: Annotated[str, typer.Argument(help="Another.")],
    card: Annotated[
        bool, typer.Option("--card", help="Put it into the card of the second one, a folder.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Say what differs between two runs: recipe, prompts, counts, rows by id, distributions."""
    from .pipeline.diff.command import run_diff

    with _told(debug):
        said = run_diff(first, second, to_card=card)
    typer.echo("\n".join(said))


@app.command(
    epilog="Example: duplexdata recipe > recipe.toml",
)
def recipe(
    file: Annotated[
        Path | None,
        typer.Argument(help="A TOML recipe, or a run's manifest.json, to be checked."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Print the default recipe, each knob explained; or check a recipe, naming line and key."""
    from .pipeline.commands import show_recipe

    with _told(debug):
        typer.echo(show_recipe(file))


@app.command(
    epilog="Example: duplexdata load --format tdm --source sample --out outputs/1-dialogues",
)
def load(
    out: StageOut,
    format: Format = None,  # noqa: A002  # the flag's name
    source: Source = None,
    layout: Layout = None,
    limit: Limit = None,
    samples: Samples = None,
    seed: Seed = None,
    rates: Rates = None,
    statements: Statements = None,
    max_tokens: MaxTokens = None,
    duplicates: Duplicates = None,
    language: Language = None,
    tokenizer: Tokenizer = None,
    slice_tokens: SliceTokens = None,
    llm: Llm = None,
    validation: Validation = None,
    config: Config = None,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Stage 1 of a build: read the sources; takes the flags of build, which all stages keep to."""
    from .pipeline.commands import run_load

    with _told(debug, kept="what is unfinished is made again"):
        run_load(
            _given(
                format=format,
                source=source,
                layout=layout,
                limit=limit,
                samples=samples,
                seed=seed,
                rates=rates,
                statements=statements,
                max_tokens=max_tokens,
                duplicates=duplicates,
                language=language,
                tokenizer=tokenizer,
                slice_tokens=slice_tokens,
                llm=llm,
                validation=validation,
            ),
            config=config,
            out=out,
            overwrite=overwrite,
        )
    typer.echo(out)


@app.command(
    epilog="Example: duplexdata interrupt outputs/1-dialogues --out outputs/2-scripts",
)
def interrupt(
    folder: Annotated[Path, typer.Argument(help="What load wrote.")],
    out: StageOut,
    rates: Rates = None,
    samples: Samples = None,
    workers: Workers = None,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Stage 2: write the scripts, which may be edited: rows dropped, texts changed."""
    from .pipeline.commands import run_stage

    with _told(debug, kept="what is unfinished is made again"):
        given = _given(rates=rates, samples=samples)
        run_stage("interrupt", folder, out, given, workers=workers, overwrite=overwrite)
    typer.echo(out)


@app.command(
    epilog="Example: duplexdata distract outputs/2-scripts --out outputs/3-scripts",
)
def distract(
    folder: Annotated[Path, typer.Argument(help="What interrupt wrote.")],
    out: StageOut,
    statements: Statements = None,
    workers: Workers = None,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Stage 3: add statements to the scripts, which may be edited again."""
    from .pipeline.commands import run_stage

    with _told(debug, kept="what is unfinished is made again"):
        given = _given(statements=statements)
        run_stage("distract", folder, out, given, workers=workers, overwrite=overwrite)
    typer.echo(out)


@app.command(
    name="slice",
    epilog="Example: duplexdata slice outputs/3-scripts --out outputs/4-slices",
)
def slice_(
    folder: Annotated[Path, typer.Argument(help="What distract wrote.")],
    out: StageOut,
    workers: Workers = None,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Stage 4: cut the scripts into slices and lay these out in time."""
    from .pipeline.commands import run_stage

    with _told(debug, kept="what is unfinished is made again"):
        run_stage("slice", folder, out, {}, workers=workers, overwrite=overwrite)
    typer.echo(out)


@app.command(
    epilog="Example: duplexdata export outputs/4-slices --out outputs/5-tdm",
)
def export(
    folder: Annotated[Path, typer.Argument(help="What slice wrote.")],
    out: StageOut,
    format: Format = None,  # noqa: A002  # the flag's name
    workers: Workers = None,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Stage 5: render the slices as a run, the same that build makes."""
    from .pipeline.commands import run_stage

    with _told(debug, kept="what is unfinished is made again"):
        given = _given(format=format)
        run_stage("export", folder, out, given, workers=workers, overwrite=overwrite)
    typer.echo(out)
