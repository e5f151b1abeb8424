"""The command line. Each command says what it takes, and loads what it needs only once it runs."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mqa_registry.commands import arguments as args
from mqa_registry.commands.reporting import Reporting

if TYPE_CHECKING:
    from collections.abc import Iterator

app = typer.Typer(
    name="mqa",
    help="Tell whether a pretrained model, and its ONNX export, may ship.",
    epilog=args.EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def without_command(version: args.Version = False) -> None:
    """What `mqa` takes without a command."""


@app.command(cls=Reporting, epilog=args.EXIT_CODES)
def run(
    suite: args.SuiteArgument,
    json: args.Json = None,
    only: args.Only = None,
    backend: args.Backend = None,
    limit: args.Limit = None,
    set_: args.Set = None,
    device: args.Device = "auto",
    store: args.StoreFolder = None,
    fresh: Annotated[bool, args.flag("--fresh", "Predict anew what the store has.")] = False,
    dry_run: Annotated[bool, args.flag("--dry-run", "Show the plan, and stop.")] = False,
    offline: args.Offline = False,
    no_examples: args.NoExamples = False,
    force: args.Force = False,
    plugin: args.PluginFile = None,
    confined: args.Confined = False,
    allow_code: args.AllowCode = False,
    allow_pickle: args.AllowPickle = False,
    trust_remote_code: args.TrustRemoteCode = False,
    timeout: args.CallTimeout = None,
    debug: args.Debug = False,
    verbose: args.Verbose = 0,
    quiet: args.Quiet = False,
) -> None:
    """Run a suite, and say whether the model may ship."""
    with _reported(debug=debug):
        from mqa_registry.commands import running

        asked = running.asked(
            only=only, backend=backend, limit=limit, set_=set_, store=store, plugin=plugin, device=device,
            offline=offline, allow_code=allow_code, allow_pickle=allow_pickle, trust_remote_code=trust_remote_code,
            timeout=timeout, confined=confined,
        )  # fmt: skip
        if dry_run:
            from mqa_registry.commands import planning

            planning.show_plan(suite, asked)
            return
        show = running.Show(json, not no_examples, -1 if quiet else verbose, debug, force)
        raise typer.Exit(running.run(suite, asked, show, fresh=fresh))


@app.command(cls=Reporting, epilog=args.EXIT_CODES)
def judge(
    run: args.Run,
    suite: args.OtherSuite = None,
    store: Annotated[Path | None, typer.Option(metavar="DIR", help="The store that keeps the run.")] = None,
    json: args.Json = None,
    no_examples: args.NoExamples = False,
    force: args.Force = False,
    plugin: args.PluginFile = None,
    timeout: args.CallTimeout = None,
    debug: args.Debug = False,
    verbose: args.Verbose = 0,
    quiet: args.Quiet = False,
) -> None:
    """Judge a finished run again, after a bound or a metric changed: no model, no data."""
    with _reported(debug=debug):
        from mqa_registry.commands import running

        show = running.Show(json, not no_examples, -1 if quiet else verbose, debug, force)
        raise typer.Exit(running.judge(run, suite, running.asked(store=store, plugin=plugin, timeout=timeout), show))


@app.command()
def validate(
    suite: args.SuiteArgument,
    set_: args.Set = None,
    offline: args.Offline = False,
    plugin: args.PluginFile = None,
    confined: args.Confined = False,
    allow_code: args.AllowCode = False,
    allow_pickle: args.AllowPickle = False,
    trust_remote_code: args.TrustRemoteCode = False,
    debug: args.Debug = False,
) -> None:
    """Show every problem of a suite, of its data and of its model's configuration, without running it."""
    with _reported(debug=debug):
        from mqa_registry.commands import running

        asked = running.asked(
            set_=set_, offline=offline, plugin=plugin, allow_code=allow_code, allow_pickle=allow_pickle,
            trust_remote_code=trust_remote_code, confined=confined,
        )  # fmt: skip
        running.validate(suite, asked)


@app.command()
def rows(
    suite: args.SuiteArgument,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder to write to.", show_default=False)],
    only: args.Only = None,
    limit: args.Limit = None,
    set_: args.Set = None,
    offline: args.Offline = False,
    plugin: args.PluginFile = None,
    confined: args.Confined = False,
    timeout: args.CallTimeout = None,
    debug: args.Debug = False,
) -> None:
    """Write every view's rows, disturbed ones too, to be predicted anywhere and brought back by replay/file."""
    with _reported(debug=debug):
        from mqa_registry.commands import running

        asked = running.asked(
            only=only, limit=limit, set_=set_, offline=offline, plugin=plugin, timeout=timeout, confined=confined
        )
        running.write_rows(suite, asked, out)


@app.command(cls=Reporting, epilog=args.EXIT_CODES)
def parity(
    model: args.Model,
    file: args.OnnxFile,
    data: args.Data = None,
    columns: args.Columns = None,
    inputs: args.Arrays = None,
    task: args.Task = None,
    outputs: args.Outputs = None,
    input_: args.Input = None,
    constant: args.Constant = None,
    batch_axis: args.BatchAxis = None,
    tolerance: args.Tolerance = None,
    source: args.Source = None,
    repro: Annotated[bool, args.flag("--repro", "Keep a script that shows a difference without mqa.")] = False,
    json: args.Json = None,
    device: args.Device = "auto",
    limit: args.Limit = None,
    store: args.StoreFolder = None,
    offline: args.Offline = False,
    no_examples: args.NoExamples = False,
    force: args.Force = False,
    plugin: args.PluginFile = None,
    allow_code: args.AllowCode = False,
    allow_pickle: args.AllowPickle = False,
    trust_remote_code: args.TrustRemoteCode = False,
    timeout: args.CallTimeout = None,
    debug: args.Debug = False,
    verbose: args.Verbose = 0,
    quiet: args.Quiet = False,
) -> None:
    """Hold an ONNX file against its PyTorch model, or another file, and name the first module that differs."""
    with _reported(debug=debug):
        from mqa_registry.commands import mapping, running
        from mqa_registry.commands import parity as pairs
        from mqa_registry.commands.interface import read_interface

        asked = running.asked(
            limit=limit, store=store, plugin=plugin, device=device, offline=offline, allow_code=allow_code,
            allow_pickle=allow_pickle, trust_remote_code=trust_remote_code, timeout=timeout,
        )  # fmt: skip
        show = running.Show(json, not no_examples, -1 if quiet else verbose, debug, force)
        mapped = mapping.columns_of(columns, data)
        interface = read_interface(input_ or (), constant or (), batch_axis or (), outputs or ())
        pair = pairs.Pair(
            model, file, task, source, data, inputs, tolerance, repro, columns=mapped, interface=interface
        )
        raise typer.Exit(pairs.hold(pair, asked, show))


@app.command(cls=Reporting)
def export(
    model: args.Model,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder to write to.", show_default=False)],
    task: args.Task = None,
    opset: Annotated[int | None, typer.Option(metavar="N", help="The version of ONNX's operators.")] = None,
    precision: args.Precision = None,
    per_channel: Annotated[bool, args.flag("--per-channel", "Quantize every channel by itself.")] = False,
    data: Annotated[Path | None, typer.Option(metavar="FILE", help="Rows to trace or to calibrate with.")] = None,
    columns: args.Columns = None,
    timeout: args.Timeout = None,
    backend: Annotated[str, typer.Option(metavar="NAME", help="The backend that exports it.")] = "onnxruntime/session",
    source: args.Source = None,
    json: args.Json = None,
    force: args.Force = False,
    store: args.StoreFolder = None,
    offline: args.Offline = False,
    plugin: args.PluginFile = None,
    allow_code: args.AllowCode = False,
    allow_pickle: args.AllowPickle = False,
    trust_remote_code: args.TrustRemoteCode = False,
    debug: args.Debug = False,
) -> None:
    """Export a model to ONNX, with everything checked and written down."""
    with _reported(debug=debug):
        from mqa_registry.commands import exporting, mapping, running

        said = {"opset": opset, "precision": precision, "per_channel": per_channel or None, "export_timeout": timeout}
        order = exporting.Order(model, task, backend, said, data, source, columns=mapping.columns_of(columns, data))
        asked = running.asked(
            store=store, plugin=plugin, offline=offline, allow_code=allow_code, allow_pickle=allow_pickle,
            trust_remote_code=trust_remote_code, force=force,
        )  # fmt: skip
        raise typer.Exit(exporting.export(order, out, asked, json))


@app.command()
def plugins(
    name: Annotated[str | None, typer.Argument(help="A plugin, or one contribution: plugin/name.")] = None,
    plugin: args.PluginFile = None,
    debug: args.Debug = False,
) -> None:
    """List the plugins that are installed, or explain one."""
    with _reported(debug=debug):
        from mqa_registry.commands import listing

        listing.show(name, plugin or [])


@app.command(cls=Reporting)
def doctor(
    json: args.Json = None,
    force: args.Force = False,
    plugin: args.PluginFile = None,
    debug: args.Debug = False,
    verbose: args.VerboseDoctor = 0,
) -> None:
    """Show what this machine can run, what is in the way, and the line that mends it."""
    with _reported(debug=debug):
        from mqa_registry.commands import doctor as doctors

        raise typer.Exit(doctors.examine(plugin or [], json, verbose=verbose, force=force))


@app.command()
def schema(plugin: args.PluginFile = None, debug: args.Debug = False) -> None:
    """Print the JSON Schema of the suite file, with the options of every plugin that is installed."""
    with _reported(debug=debug):
        from mqa_registry.commands import listing

        listing.print_schema(plugin or [])


@contextmanager
def _reported(*, debug: bool) -> Iterator[None]:
    """Errors as a person sees them, and nothing on standard output but what the command writes; loaded only now."""
    from mqa_registry.boundary import supervised
    from mqa_registry.commands.ending import reported
    from mqa_registry.report.output import reserved

    with reported(debug=debug), reserved(), supervised():
        yield


def main() -> None:
    """The command `mqa`."""
    from mqa_registry.process import run_command

    run_command(app, _exit_code)


def _exit_code(end: BaseException | None) -> int:
    if isinstance(end, SystemExit) and not end.code:  # as of `--help`, which loads next to nothing
        return 0

    from mqa_registry.commands.ending import exit_code_of

    return exit_code_of(end)


if __name__ == "__main__":
    main()
