"""The command line: a command a function, no logic.

Nothing heavy is imported up here: `duplexdata --help` must answer at once.
"""

import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from . import __version__, flags
from .pipeline.errors import DuplexdataError, is_of_machine

app = typer.Typer(
    name="duplexdata",
    help="Make training data for duplex language models: models that listen while they speak.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # rich costs a third of the start-up time
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
        # What a scheduler sends before it kills, and a connection that is lost, is what Ctrl-C is.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        lost = getattr(signal, "SIGHUP", None)
        if lost and signal.getsignal(lost) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(lost, signal.default_int_handler)
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
        if error.exit_code == 1 and error.can_go_on:
            _tell_how_to_go_on(go_on)
        raise typer.Exit(error.exit_code) from None
    except Exception as error:
        if debug:
            raise
        name, why = type(error).__name__, "this is a bug: report what --debug shows"
        if is_of_machine(error):
            why = "this machine gives no more: look at disk, memory, processes (ulimit -a)"
        typer.echo(f"error: {name}: {error}\n{why}", err=True)
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
def build(  # as many as the contract has flags
    format: flags.Format = None,  # noqa: A002  # the flag's name
    source: flags.Source = None,
    layout: flags.Layout = None,
    out: flags.Out = None,
    limit: flags.Limit = None,
    samples: flags.Samples = None,
    seed: flags.Seed = None,
    rates: flags.Rates = None,
    statements: flags.Statements = None,
    max_tokens: flags.MaxTokens = None,
    duplicates: flags.Duplicates = None,
    language: flags.Language = None,
    tokenizer: flags.Tokenizer = None,
    slice_tokens: flags.SliceTokens = None,
    llm: flags.Llm = None,
    model: flags.Model = None,
    model_strong: flags.ModelStrong = None,
    base_url: flags.BaseUrl = None,
    critic: flags.Critic = None,
    fake_faults: flags.FakeFaults = None,
    validation: flags.Validation = None,
    workers: flags.Workers = None,
    engine: flags.Engine = "local",
    config: flags.Config = None,
    rpm: flags.Rpm = None,
    tpm: flags.Tpm = None,
    max_cost: flags.MaxCost = None,
    max_requests: flags.MaxRequests = None,
    price_in: flags.PriceIn = 0.0,
    price_out: flags.PriceOut = 0.0,
    max_in_flight: flags.MaxInFlight = 256,
    cache: flags.Cache = None,
    key_file: flags.KeyFile = None,
    client: flags.Client = "openai",
    fake_latency: flags.FakeLatency = 0.0,
    batch: flags.Batch = False,
    retry_failed: flags.RetryFailed = False,
    overwrite: flags.Overwrite = False,
    push_to: flags.PushTo = None,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
    debug: flags.Debug = False,
) -> None:
    """Build a dataset from dialogues, or go on with a build that was stopped.

    Run again, the same command goes on where it stopped; a finished folder is left as it is.
    """
    values = locals()
    with _told(debug, go_on=_this_command()):
        from .pipeline.ahead import guess_workers

        given = flags.given(flags.RECIPE, values)
        guess_workers(given, config, workers)
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
            asking=flags.given(flags.ASKING, values),
            limits=flags.given(flags.LIMITS, values),
            retry_failed=retry_failed,
            push=push_to,
        )
        typer.echo(folder)
    if push_to:
        push(Path(folder), push_to, quiet=quiet, debug=debug)


@app.command(
    epilog="Example: duplexdata estimate --format duo --source sample --llm openai --model gpt-4o",
)
def estimate(  # those of build
    format: flags.Format = None,  # noqa: A002  # the flag's name
    source: flags.Source = None,
    layout: flags.Layout = None,
    limit: flags.Limit = None,
    samples: flags.Samples = None,
    seed: flags.Seed = None,
    rates: flags.Rates = None,
    statements: flags.Statements = None,
    max_tokens: flags.MaxTokens = None,
    duplicates: flags.Duplicates = None,
    language: flags.Language = None,
    tokenizer: flags.Tokenizer = None,
    slice_tokens: flags.SliceTokens = None,
    llm: flags.Llm = None,
    model: flags.Model = None,
    model_strong: flags.ModelStrong = None,
    base_url: flags.BaseUrl = None,
    critic: flags.Critic = None,
    fake_faults: flags.FakeFaults = None,
    validation: flags.Validation = None,
    price_in: flags.PriceIn = 0.0,
    price_out: flags.PriceOut = 0.0,
    cache: flags.Cache = None,
    workers: flags.Workers = None,
    engine: flags.Engine = "local",
    config: flags.Config = None,
    debug: flags.Debug = False,
) -> None:
    """Say what a build would ask a model, what of it is stored, and its cost; asks nothing."""
    values = locals()
    with _told(debug):
        from .pipeline.commands import run_estimate

        for line in run_estimate(
            flags.given(flags.RECIPE, values),
            config=config,
            workers=workers,
            engine=engine,
            asking={"cache": cache},
            limits={"price_in": price_in, "price_out": price_out},
        ):
            typer.echo(line)


@app.command(
    epilog="Example: duplexdata explain outputs/sample regeneration-957a61b03cd5833ae8db",
)
def explain(
    folder: Annotated[Path, typer.Argument(help="The folder of a finished run.")],
    row_id: Annotated[str, typer.Argument(help="The id of a row.")],
    cache: flags.Cache = None,
    workers: flags.Workers = None,
    engine: flags.Engine = "local",
    debug: flags.Debug = False,
) -> None:
    """From a row back to all that made it: dialogues, chance, asks and replies, script, slices.

    The sources have to be where they were. A row that was left out is told too.
    """
    with _told(debug):
        from .pipeline.commands import run_explain

        for line in run_explain(folder, row_id, cache=cache, workers=workers, engine=engine):
            typer.echo(line)


@app.command(
    epilog="Example: duplexdata cache show",
)
def cache(
    action: Annotated[
        str,
        typer.Argument(
            help="show what is kept; prune (forget); export to, or import from, a Parquet file."
        ),
    ] = "show",
    file: Annotated[
        Path | None, typer.Argument(help="The Parquet file of an export or import.")
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(
            "--run", help="A finished run: export its replies alone, or prune all but them."
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="Prune this model's replies alone.")
    ] = None,
    older_than: Annotated[
        float | None, typer.Option("--older-than", help="Prune what is older, in days, alone.")
    ] = None,
    fake: Annotated[
        bool, typer.Option("--fake", help="The replies of --llm fake, which are kept apart.")
    ] = False,
    folder: flags.Cache = None,
    workers: flags.Workers = None,
    engine: flags.Engine = "local",
    debug: flags.Debug = False,
) -> None:
    """Show, prune, export or import the replies that are kept, so that none is paid for twice."""
    with _told(debug):
        from .pipeline.commands import run_cache

        for line in run_cache(
            action,
            folder,
            fake=fake,
            file=file,
            run=run,
            model=model,
            older_than=older_than,
            workers=workers,
            engine=engine,
        ):
            typer.echo(line)


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
    workers: flags.Workers = None,
    debug: flags.Debug = False,
) -> None:
    """Prove the rules over rows, with code that shares nothing with what made them.

    Says what was proved over how many rows and what could not be; a breach is exit 1.
    """
    from .pipeline.proof import run_validate

    with _told(debug, kept="nothing was written"):
        report = run_validate(
            path,
            sources=source or (),
            layout=layout,
            tokenizer=tokenizer,
            slice_tokens=slice_tokens,
            show=show,
            workers=workers,
        )
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
    debug: flags.Debug = False,
) -> None:
    """Show conversations: both sides side by side in time (tdm), or as turns (duo).

    Plain text where the output is no terminal; COLUMNS sets the width there.
    """
    from .pipeline.light_arrow import keep_pandas_out
    from .pipeline.publish.fetch import rows_at
    from .pipeline.report.show import show as show_rows

    keep_pandas_out()
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
    debug: flags.Debug = False,
) -> None:
    """Count what is in rows: lengths, silence, cuts, transitions, repetition.

    Beside the paper's Table 1. Memory does not grow with the rows.
    """
    from .pipeline.engine.cores import available_cores
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
    quiet: flags.Quiet = False,
    debug: flags.Debug = False,
) -> None:
    """Publish a finished run as a dataset on the Hugging Face Hub.

    Says first what is sent, and sends only files that passed validate. Measures for the card
    what no stats.json says yet. The token is HF_TOKEN's or that of `hf auth login`. Run again
    after a failure, the same command goes on.
    """
    from .pipeline.engine.cores import available_cores
    from .pipeline.light_arrow import keep_pandas_out
    from .pipeline.publish.hub import Target
    from .pipeline.publish.push import push as publish
    from .pipeline.screen import Level, Screen

    keep_pandas_out()
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
    debug: flags.Debug = False,
) -> None:
    """Say what differs between two runs: recipe, prompts, counts, rows by id, distributions."""
    from .pipeline.diff.command import run_diff
    from .pipeline.light_arrow import keep_pandas_out

    keep_pandas_out()
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
    debug: flags.Debug = False,
) -> None:
    """Print the default recipe, each knob explained; or check a recipe, naming line and key."""
    from .pipeline.commands import show_recipe

    with _told(debug):
        typer.echo(show_recipe(file))


@app.command(
    epilog="Example: duplexdata load --format tdm --source sample --out outputs/1-dialogues",
)
def load(
    out: flags.StageOut,
    format: flags.Format = None,  # noqa: A002  # the flag's name
    source: flags.Source = None,
    layout: flags.Layout = None,
    limit: flags.Limit = None,
    samples: flags.Samples = None,
    seed: flags.Seed = None,
    rates: flags.Rates = None,
    statements: flags.Statements = None,
    max_tokens: flags.MaxTokens = None,
    duplicates: flags.Duplicates = None,
    language: flags.Language = None,
    tokenizer: flags.Tokenizer = None,
    slice_tokens: flags.SliceTokens = None,
    llm: flags.Llm = None,
    model: flags.Model = None,
    model_strong: flags.ModelStrong = None,
    base_url: flags.BaseUrl = None,
    critic: flags.Critic = None,
    fake_faults: flags.FakeFaults = None,
    validation: flags.Validation = None,
    config: flags.Config = None,
    overwrite: flags.Overwrite = False,
    debug: flags.Debug = False,
) -> None:
    """Stage 1 of a build: read the sources; takes the flags of build, which all stages keep to."""
    values = locals()
    from .pipeline.commands import run_load

    with _told(debug, kept="what is unfinished is made again"):
        run_load(
            flags.given(flags.RECIPE, values),
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
    out: flags.StageOut,
    rates: flags.Rates = None,
    samples: flags.Samples = None,
    llm: flags.Llm = None,
    model: flags.Model = None,
    model_strong: flags.ModelStrong = None,
    base_url: flags.BaseUrl = None,
    critic: flags.Critic = None,
    fake_faults: flags.FakeFaults = None,
    rpm: flags.Rpm = None,
    tpm: flags.Tpm = None,
    max_cost: flags.MaxCost = None,
    max_requests: flags.MaxRequests = None,
    price_in: flags.PriceIn = 0.0,
    price_out: flags.PriceOut = 0.0,
    max_in_flight: flags.MaxInFlight = 256,
    cache: flags.Cache = None,
    key_file: flags.KeyFile = None,
    client: flags.Client = "openai",
    fake_latency: flags.FakeLatency = 0.0,
    batch: flags.Batch = False,
    workers: flags.Workers = None,
    overwrite: flags.Overwrite = False,
    debug: flags.Debug = False,
) -> None:
    """Stage 2: write the scripts, which may be edited: rows dropped, texts changed."""
    values = locals()
    from .pipeline.commands import run_stage

    with _told(debug, kept="what is unfinished is made again"):
        run_stage(
            "interrupt",
            folder,
            out,
            flags.given(("rates", "samples", *flags.MODEL), values),
            workers=workers,
            overwrite=overwrite,
            asking=flags.given(flags.ASKING, values),
            limits=flags.given(flags.LIMITS, values),
        )
    typer.echo(out)


@app.command(
    epilog="Example: duplexdata distract outputs/2-scripts --out outputs/3-scripts",
)
def distract(
    folder: Annotated[Path, typer.Argument(help="What interrupt wrote.")],
    out: flags.StageOut,
    statements: flags.Statements = None,
    rpm: flags.Rpm = None,
    tpm: flags.Tpm = None,
    max_cost: flags.MaxCost = None,
    max_requests: flags.MaxRequests = None,
    price_in: flags.PriceIn = 0.0,
    price_out: flags.PriceOut = 0.0,
    max_in_flight: flags.MaxInFlight = 256,
    cache: flags.Cache = None,
    key_file: flags.KeyFile = None,
    client: flags.Client = "openai",
    fake_latency: flags.FakeLatency = 0.0,
    batch: flags.Batch = False,
    workers: flags.Workers = None,
    overwrite: flags.Overwrite = False,
    debug: flags.Debug = False,
) -> None:
    """Stage 3: add statements to the scripts, which may be edited again."""
    values = locals()
    from .pipeline.commands import run_stage

    with _told(debug, kept="what is unfinished is made again"):
        run_stage(
            "distract",
            folder,
            out,
            flags.given(("statements",), values),
            workers=workers,
            overwrite=overwrite,
            asking=flags.given(flags.ASKING, values),
            limits=flags.given(flags.LIMITS, values),
        )
    typer.echo(out)


@app.command(
    name="slice",
    epilog="Example: duplexdata slice outputs/3-scripts --out outputs/4-slices",
)
def slice_(
    folder: Annotated[Path, typer.Argument(help="What distract wrote.")],
    out: flags.StageOut,
    workers: flags.Workers = None,
    overwrite: flags.Overwrite = False,
    debug: flags.Debug = False,
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
    out: flags.StageOut,
    format: flags.Format = None,  # noqa: A002  # the flag's name
    workers: flags.Workers = None,
    overwrite: flags.Overwrite = False,
    debug: flags.Debug = False,
) -> None:
    """Stage 5: render the slices as a run, the same that build makes."""
    values = locals()
    from .pipeline.commands import run_stage

    with _told(debug, kept="what is unfinished is made again"):
        given = flags.given(("format",), values)
        run_stage("export", folder, out, given, workers=workers, overwrite=overwrite)
    typer.echo(out)
