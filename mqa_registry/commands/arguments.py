"""What commands take: the arguments and options that several of them share, each with its words in the help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mqa_registry import __version__

EXIT_CODES = (
    "Exit codes: 0 every check holds, 1 one fails, 2 the command, suite or data are wrong, 3 something could not run as "
    "asked, 4 nothing fails, but not all is settled, 130 interrupted."
)


def flag(name: str, words: str) -> Any:
    """An option without a value, of which the help shows no type."""
    return typer.Option(name, metavar="", help=words)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"mqa {__version__}")
        raise typer.Exit


SuiteArgument = Annotated[Path, typer.Argument(metavar="SUITE", help="A suite file (TOML).", show_default=False)]
Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A folder, an id on the hub, a .pt2, TorchScript or .onnx file, or module:function.",
        show_default=False,
    ),
]
Json = Annotated[str | None, typer.Option(metavar="FILE", help="Write the report as JSON; - is standard output.")]
Force = Annotated[bool, flag("--force", "Replace files that mqa did not write.")]
NoExamples = Annotated[bool, flag("--no-examples", "Keep rows' texts out of every report and the store's runs.")]
Verbose = Annotated[
    int, typer.Option("-v", count=True, metavar="", show_default=False, help="Show every group and example.")
]
Quiet = Annotated[bool, flag("-q", "Show only the verdict, and why anything was not judged.")]
Only = Annotated[
    list[str] | None, typer.Option(metavar="TAG-OR-NAME", help="Run the checks so tagged or named; may be repeated.")
]
Backend = Annotated[list[str] | None, typer.Option(metavar="NAME", help="Run on this backend alone; may be repeated.")]
Limit = Annotated[int | None, typer.Option(min=1, metavar="N", help="Use the first N rows of every data set.")]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Set a suite's key; may be repeated.")
]
Columns = Annotated[
    list[str] | None,
    typer.Option(metavar="FIELD=COLUMN", help="Which column of --data is this field; may be repeated."),
]
Confined = Annotated[bool, flag("--confined", "Let the suite name nothing outside of its own folder.")]
Device = Annotated[str, typer.Option(metavar="auto|cpu|cuda[:N]", help="Where the model runs.")]
StoreFolder = Annotated[
    Path | None, typer.Option("--store", metavar="DIR", help="The store; left out, .mqa beside the suite or here.")
]
Task = Annotated[str | None, typer.Option(metavar="TASK", help="The task; left out, the model's source tells which.")]
Source = Annotated[str | None, typer.Option(metavar="NAME", help="The model source; left out, the model's name tells.")]
Offline = Annotated[bool, flag("--offline", "Fetch nothing; use what is cached.")]
PluginFile = Annotated[list[Path] | None, typer.Option("--plugin", metavar="FILE.py", help="Load a file as a plugin.")]
AllowCode = Annotated[bool, flag("--allow-code", "Let the model run code of its own.")]
AllowPickle = Annotated[bool, flag("--allow-pickle", "Load weights from pickle files.")]
TrustRemoteCode = Annotated[bool, flag("--trust-remote-code", "Run code that a hub model brings.")]
CallTimeout = Annotated[
    float | None,
    typer.Option("--timeout", metavar="SECONDS", help="End a call of a plugin that takes longer; 0 sets no limit."),
]
Run = Annotated[str, typer.Argument(metavar="RUN", help="An id or its beginning, `last`, or a report file.")]
OtherSuite = Annotated[Path | None, typer.Option(metavar="SUITE", help="Judge by this suite instead of the run's.")]
Precision = Annotated[
    str | None, typer.Option(metavar="NAME", help="float32, float16, bfloat16, int8-dynamic, int8-static.")
]
OnnxFile = Annotated[
    Path, typer.Argument(metavar="FILE.onnx", help="The export that is to be as good as the model.", show_default=False)
]
Timeout = Annotated[float | None, typer.Option(metavar="SECONDS", help="End an export that takes longer.")]
Data = Annotated[Path | None, typer.Option(metavar="FILE", help="Rows to run both on; left out, a few sentences.")]
VerboseDoctor = Annotated[
    int,
    typer.Option("-v", count=True, metavar="", show_default=False, help="Show what the libraries themselves said."),
]
Debug = Annotated[bool, flag("--debug", "Show the traceback of every error.")]

# What `mqa parity` holds against a model, on which rows and how closely.
Arrays = Annotated[Path | None, typer.Option(metavar="FILE.npz", help="The model's inputs as arrays.")]
Tolerance = Annotated[
    tuple[float, float] | None, typer.Option(metavar="ATOL RTOL", help="A fixed tolerance, as numpy has it.")
]

# What it takes of a file's inputs and outputs, by the file's own names for them.
Outputs = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[FILE'S=]NAME", help="An output that the file must have; may be repeated. Left out, what both have."
    ),
]
Input = Annotated[
    list[str] | None, typer.Option("--input", metavar="FILE'S=NAME", help="What an input of the file is for the model.")
]
Constant = Annotated[
    list[str] | None, typer.Option(metavar="FILE'S=VALUE", help="An input of the file that is always the same.")
]
BatchAxis = Annotated[
    list[str] | None, typer.Option(metavar="FILE'S=AXIS", help="The axis that counts rows, if not the first, 0.")
]
Version = Annotated[
    bool,
    typer.Option("--version", metavar="", help="Show the version, and stop.", callback=_show_version, is_eager=True),
]
