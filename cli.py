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
    format: Annotated[  # noqa: A002  # the flag's name
        str | None, typer.Option("--format", help="What to render: tdm or duo.")
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(
            "--source",
            help="sample (embedded), or a file, folder or glob of .jsonl .json .parquet, plain or "
            ".gz or .zst; may be given several times.  [default: ultrachat]",
        ),
    ] = None,
    layout: Annotated[
        str | None,
        typer.Option(
            "--layout",
            help="How rows are read: ultrachat, ultrachat_200k, openai, sharegpt, oasst; "
            "duplex_ultrachat, tdm, duo.  [default: guessed, and said]",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="The run's folder.  [default: outputs/<format>-<first source>-<seed>]"
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", help="Read the first N source rows.  [default: all]")
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option("--samples", help="Rows kept; 0 is all.  [default: tdm 0, duo 10000]"),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Of all chance.  [default: 0]")] = None,
    rates: Annotated[
        str | None,
        typer.Option(
            "--rates",
            help="For each type the share of dialogues that take part, as a=1,b=0.5; types not "
            "named are off.  [default: uninterrupted=1, topic_interweaving=1, "
            "generation_termination=1, regeneration=0.55, dialogue_reset=1, back_on_topic=0.22]",
        ),
    ] = None,
    statements: Annotated[
        float | None,
        typer.Option(
            "--statements",
            help="Remarks that need no answer, per answer.  [default: tdm 0, duo 0.5]",
        ),
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option(
            "--max-tokens",
            help="Tokens of text that a row may hold, by the run's tokenizer; a longer one loses "
            "whole rounds, or is left out. A prompt's markup comes on top: for tdm about as many "
            "again, for duo about a tenth.  [default: no bound]",
        ),
    ] = None,
    duplicates: Annotated[
        str | None,
        typer.Option(
            "--duplicates", help="Same roles and texts: reject or keep.  [default: reject]"
        ),
    ] = None,
    language: Annotated[
        str | None,
        typer.Option("--language", help="auto, or en or zh for all.  [default: auto]"),
    ] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(
            "--tokenizer",
            help="A tiktoken encoding, a tokenizer.json, a sentencepiece .model, or a folder with "
            "one.  [default: cl100k_base]",
        ),
    ] = None,
    slice_tokens: Annotated[
        int | None, typer.Option("--slice-tokens", help="Tokens an assistant slice.  [default: 10]")
    ] = None,
    llm: Annotated[
        str | None,
        typer.Option(
            "--llm", help="Who writes what the source lacks: offline.  [default: offline]"
        ),
    ] = None,
    validation: Annotated[
        float | None,
        typer.Option(
            "--validation", help="Share of dialogues for the validation split.  [default: 0]"
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes.  [default: all cores]")
    ] = None,
    engine: Annotated[str, typer.Option("--engine", help="Where blocks run: local.")] = "local",
    config: Annotated[
        Path | None, typer.Option("--config", help="A TOML recipe; flags win over it.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Start the folder anew.")] = False,
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
    given: dict[str, Any] = {
        "format": format,
        "source": source,
        "layout": layout,
        "limit": limit,
        "samples": samples,
        "seed": seed,
        "rates": rates,
        "statements": statements,
        "max_tokens": max_tokens,
        "duplicates": duplicates,
        "language": language,
        "tokenizer": tokenizer,
        "slice_tokens": slice_tokens,
        "llm": llm,
        "validation": validation,
    }
    with _told(debug, go_on=_this_command()):
        from .pipeline.commands import run_build

        folder = run_build(
            {name: value for name, value in given.items() if value is not None},
            config=config,
            out=out,
            workers=workers,
            engine=engine,
            overwrite=overwrite,
            quiet=quiet,
            verbose=verbose,
        )
    typer.echo(folder)
    if push_to:
        push(folder, push_to)


@app.command(
    epilog="Example: duplexdata validate outputs/sample --source sample",
)
def validate(
    path: Annotated[
        Path,
        typer.Argument(
            help="A run's folder, a Parquet file, or JSONL in the released layout (.gz too)."
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
    from .pipeline.validate import leave_record
    from .pipeline.validate import validate as prove

    with _told(debug):
        report = prove(
            path,
            sources=source or (),
            layout=layout,
            tokenizer=tokenizer,
            slice_tokens=slice_tokens,
            show=show,
        )
        if tokenizer is None and slice_tokens is None:
            leave_record(path, report, source or ())
    typer.echo("\n".join(report.lines()))
    if report.breaches:
        raise typer.Exit(1)


@app.command(
    epilog="Example: duplexdata show outputs/sample --type regeneration -n 1",
)
def show(
    path: Annotated[
        Path,
        typer.Argument(
            help="A run's folder, a Parquet file, or JSONL in the released layout (.gz too)."
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
    from .pipeline.report.show import show as show_rows

    with _told(debug):
        show_rows(path, row_id, row_type=type, count=count, at_random=at_random, seed=seed)


@app.command(
    epilog="Example: duplexdata stats outputs/sample",
)
def stats(
    path: Annotated[
        Path,
        typer.Argument(
            help="A run's folder, a Parquet file, or JSONL in the released layout (.gz too)."
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
    from .pipeline.report.stats import stats as count

    with _told(debug):
        for line in count(
            path,
            tokenizer=tokenizer,
            by=by,
            as_json=as_json,
            all_tokens=all_tokens,
            probes=probes,
            workers=workers or available_cores(),
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
    debug: Debug = False,
) -> None:
    """Publish a finished run as a dataset on the Hugging Face Hub.

    Says first what is sent, and sends only files that passed validate. The token is HF_TOKEN's
    or that of `hf auth login`. Run again after a failure, the same command goes on.
    """
    from .pipeline.publish.hub import Target
    from .pipeline.publish.push import push as publish
    from .pipeline.screen import Screen

    with _told(debug, go_on=_this_command(), kept="what the Hub has taken is kept"):
        url = publish(
            folder,
            Target(repository, revision, private, create_pr),
            config=config_name,
            licence=license,
            dry_run=dry_run,
            screen=Screen(),
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
