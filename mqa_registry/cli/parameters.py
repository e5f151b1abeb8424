"""Parameters of commands: a function whose parameters are dataclasses of flags becomes a command with these flags."""

from __future__ import annotations

import inspect
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin, get_type_hints

import typer
from typer.core import TyperCommand

from mqa_registry.errors import EXIT_CODES, ExitCode
from mqa_registry.reports.reporters import REPORTS, list_names
from mqa_registry.run_options import Flag, FlagPerName, Flags

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from mqa_registry.cli.report_files import ReportOptions

DEBUG, DRY_RUN, JSON = "debug", "--dry-run", "json"
_Debug = Annotated[bool, Flag(help="Show the traceback of every error.")]
SUITE_HELP = "A suite file (TOML), or a suite of a plugin: plugin/name."
SuiteArgument = Annotated[Path, typer.Argument(metavar="SUITE", help=SUITE_HELP, show_default=False)]
SuitesArgument = Annotated[
    list[Path], typer.Argument(metavar="SUITE...", help="Suite files (TOML), or suites of plugins.", show_default=False)
]


def make_command(name: str, function: Callable[..., int | None]) -> TyperCommand:
    """Make a function a command: its parameters are arguments and options, its docstring is the help.

    A parameter whose type is a dataclass with `Flag`s stands for all of them, or for those that `flags` names. Every
    command takes `--debug`. An error of the function ends the process in one line with its exit code; otherwise the
    exit code is what the function returns. Raises a TypeError where a parameter cannot be one of a command.
    """
    groups = {name: group for name, hint in _type_hints(function).items() if (group := _read_group(hint))}
    parameters = list(_signature_parameters(function, groups))

    def call(**given: Any) -> None:
        from mqa_registry.boundary import supervise
        from mqa_registry.cli.exit_codes import exit_on_error
        from mqa_registry.reports.output import reserve_output

        debug = bool(given.get(DEBUG))
        if not any(DEBUG in group.hints for group in groups.values()):
            del given[DEBUG]
        with exit_on_error(debug=debug):
            with reserve_output(), supervise(may_exit=True):
                options = {name: group.pop_options(given) for name, group in groups.items()}
                _check_reports(options.values(), dry_run=given.get("dry_run", False))
                code = function(**given, **options)
            raise typer.Exit(code or ExitCode.OK)  # once all that was written is out, which may fail

    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    call.__doc__ = function.__doc__
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    has_report = any(parameter.name == JSON for parameter in parameters)
    app.command(name, cls=ReportCommand if has_report else None, epilog=EXIT_CODES if has_report else None)(call)
    command = typer.main.get_command(app)
    assert isinstance(command, TyperCommand)  # an application of one command is that command
    if isinstance(command, ReportCommand):
        command.group = next((kind.group for kind in _report_kinds(groups.values())), command.group)
    return command


class ReportCommand(TyperCommand):
    """A command with `--json FILE`. An earlier report of mqa in that file is removed first, even for a wrong line.

    `group` is the entry-point group of the reporters whose files it writes.
    """

    group = REPORTS

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse a line; an error of Typer where it is wrong."""
        given = tuple(args)
        try:
            return super().parse_args(ctx, args)
        except typer.Exit:  # as of `--help`, which runs nothing
            given = ()
            raise
        finally:
            if not ctx.resilient_parsing:
                _clear_reports(given, self.group)


@dataclass(frozen=True)
class _OptionGroup:
    """A dataclass of options, and the annotations of those of its fields that a command takes."""

    kind: type[Any]
    hints: Mapping[str, Any]

    def pop_options(self, given: dict[str, Any]) -> Any:
        """The options as an object of the dataclass; their values are removed from `given`."""
        values: dict[str, Any] = {}
        for name, hint in self.hints.items():
            flag = _find_flag(hint)
            if isinstance(flag, FlagPerName):
                by_name = {each: given.pop(_parameter_name(name, each)) for each in flag.list_names()}
                values[name] = {each: value for each, value in by_name.items() if value is not None}
            else:
                value = given.pop(name)
                values[name] = tuple(value) if isinstance(value, list) else value
        return self.kind(**values)

    def parameters(self) -> Iterator[inspect.Parameter]:
        """A parameter for every flag, in the order of the fields."""
        defaults: dict[str, Field[Any]] = {field.name: field for field in fields(self.kind)}
        for name, hint in self.hints.items():
            flag, default = _find_flag(hint), defaults[name].default
            if isinstance(flag, FlagPerName):
                yield from _parameters_per_name(name, flag)
            else:
                yield _flag_parameter(name, hint, inspect.Parameter.empty if default is MISSING else default)


def _type_hints(function: Callable[..., Any]) -> dict[str, Any]:
    return get_type_hints(function, include_extras=True)


def _read_group(hint: Any) -> _OptionGroup | None:
    """The options that a parameter of this type stands for; None where it is no such dataclass."""
    annotated = _is_annotated(hint)
    kind = get_args(hint)[0] if annotated else hint
    if not (isinstance(kind, type) and is_dataclass(kind)):
        return None
    flagged = {name: one for name, one in get_type_hints(kind, include_extras=True).items() if _find_flag(one)}
    chosen = [name for one in get_args(hint)[1:] if isinstance(one, Flags) for name in one.names] if annotated else []
    if unknown := [name for name in chosen if name not in flagged]:
        raise TypeError(f"`{kind.__name__}` has no flag `{unknown[0]}`")
    return _OptionGroup(kind, {name: one for name, one in flagged.items() if not chosen or name in {*chosen, DEBUG}})


def _signature_parameters(
    function: Callable[..., Any], groups: Mapping[str, _OptionGroup]
) -> Iterator[inspect.Parameter]:
    hints = _type_hints(function)
    for name, parameter in inspect.signature(function).parameters.items():
        if name in groups:
            yield from groups[name].parameters()
        else:
            yield inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=parameter.default, annotation=hints[name]
            )
    if not any(DEBUG in group.hints for group in groups.values()):
        yield _flag_parameter(DEBUG, _Debug, default=False)


def _flag_parameter(name: str, hint: Any, default: Any) -> inspect.Parameter:
    """The parameter of a flag as Typer reads it: several values are a list, an option is not required."""
    kind, flag = get_args(hint)[0], _find_flag(hint)
    assert isinstance(flag, Flag)
    if {Path, str} <= {*get_args(kind)}:  # what a line gives is a text
        kind = str | None
    if get_origin(kind) is tuple:
        kind, default = list[get_args(kind)[0]], []  # type: ignore[misc]
    if flag.argument:
        info = typer.Argument(metavar=flag.metavar, help=flag.help, show_default=False)
    else:
        info = typer.Option(
            flag.name or f"--{name.replace('_', '-')}",
            metavar=flag.metavar or None,
            help=flag.help,
            min=flag.minimum,
            count=flag.count,
            show_default=not flag.count,
        )
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, info])


def _parameters_per_name(field: str, flag: FlagPerName) -> Iterator[inspect.Parameter]:
    """An optional text for each name."""
    for name in flag.list_names():
        hint = Annotated[str | None, Flag(name=f"--{name}", metavar=flag.metavar, help=flag.help.format(name))]
        yield _flag_parameter(_parameter_name(field, name), hint, None)


def _parameter_name(field: str, name: str) -> str:
    return f"{field}_{name}".replace("-", "_")


def _find_flag(hint: Any) -> Flag | FlagPerName | None:
    metadata = get_args(hint)[1:] if _is_annotated(hint) else ()
    return next((one for one in metadata if isinstance(one, Flag | FlagPerName)), None)


def _is_annotated(hint: Any) -> bool:
    return get_origin(hint) is Annotated


def _report_kinds(groups: Iterable[_OptionGroup]) -> Iterator[type[ReportOptions]]:
    """The dataclasses of options of a report that are among some groups."""
    from mqa_registry.cli.report_files import ReportOptions

    return (group.kind for group in groups if issubclass(group.kind, ReportOptions))


def _check_reports(groups: Iterable[object], *, dry_run: bool) -> None:
    """Raise a UsageError where a report cannot be written; a dry run writes none."""
    from mqa_registry.cli.report_files import ReportOptions, check_reports

    for group in groups:
        if isinstance(group, ReportOptions) and not dry_run:
            check_reports(group)


def _clear_reports(given: Sequence[str], group: str) -> None:
    """Remove the earlier reports in the files that a line names for new ones."""
    if DRY_RUN in given:
        return
    for number, word in enumerate(given):
        option, equals, value = word.partition("=")
        form = option.removeprefix("--")
        if option == form or form not in (JSON, *list_names(group)):
            continue
        if not equals and number + 1 == len(given):
            continue
        from mqa_registry.cli.report_files import clear_report

        others = (*given[:number], *given[number + (1 if equals else 2) :])
        clear_report(value if equals else given[number + 1], form, group, inputs=others)
