"""Functions made commands: a dataclass of options is a flag for each of its fields, or for those that are named."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
import typer

from mqa_registry import Flag, RunOptions, UsageError, flags
from mqa_registry.cli.parameters import make_command


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Flags of every kind, and a field that is none."""

    target: Annotated[str, Flag(argument=True, metavar="TARGET", help="Where to.")]
    names: Annotated[tuple[str, ...], Flag(name="--name", metavar="NAME", help="Names.")] = ()
    folder: Annotated[Path | None, Flag(metavar="DIR", help="A folder.")] = None
    at_least: Annotated[int, Flag(metavar="N", minimum=2, help="A number.")] = 3
    share: Annotated[float | None, Flag(metavar="SHARE", help="A share.")] = None
    loud: Annotated[bool, Flag(help="Loudly.")] = False
    times: Annotated[int, Flag(name="-t", count=True, help="How often.")] = 0
    internal: str = "kept"


class Called:
    """What a command's function was called with."""

    given: object = None


@pytest.fixture
def called():
    """Call a command's line; gives the exit code, what its function was given, and standard error."""

    def call(function, *line):
        Called.given = None
        with pytest.raises(SystemExit) as ended:
            make_command("own", function).main([*line], prog_name="own")
        return ended.value.code, Called.given

    return call


def take(settings: Settings, extra: Annotated[int, typer.Option(help="One of its own.")] = 1) -> int:
    """Take settings."""
    Called.given = settings, extra
    return 4


def test_every_field_with_a_flag_is_one_and_values_have_their_types(called):
    line = ["there", "--name", "a", "--name=b", "--folder", "x/y", "--at-least", "5", "--share", "0.5", "--loud", "-tt"]
    code, (settings, extra) = called(take, *line, "--extra", "2")
    assert (code, extra) == (4, 2)
    assert settings == Settings(
        target="there", names=("a", "b"), folder=Path("x/y"), at_least=5, share=0.5, loud=True, times=2
    )


def test_what_is_left_out_has_the_default_of_its_field(called):
    assert called(take, "there") == (4, (Settings(target="there"), 1))


@pytest.mark.parametrize(
    "line", [(), ("there", "--at-least", "1"), ("there", "--share", "x"), ("there", "--internal", "x")]
)
def test_what_does_not_fit_a_flag_is_exit_2(called, line, capsys):
    assert called(take, *line) == (2, None)
    assert "Error" in capsys.readouterr().err


def some(settings: Annotated[Settings, flags("target", "loud")], limits: Annotated[RunOptions, flags("limit")]) -> None:
    """Take some of the flags."""
    Called.given = settings, limits


def test_named_flags_are_those_that_a_command_has(called, capsys):
    code, given = called(some, "there", "--limit", "7")
    assert (code, given) == (0, (Settings(target="there"), RunOptions(limit=7)))
    called(some, "--help")
    shown = {word for word in capsys.readouterr().out.split() if word.startswith("-")}
    assert shown == {"--loud", "--limit", "--debug", "--help"}


def test_a_flag_that_is_none_is_a_mistake_of_the_commands_author():
    def wrong(options: Annotated[RunOptions, flags("limit", "nothing")]) -> None: ...

    with pytest.raises(TypeError, match="`RunOptions` has no flag `nothing`"):
        make_command("wrong", wrong)


def test_an_error_of_the_options_is_one_line_with_its_exit_code(called, capsys):
    def start(options: RunOptions) -> None:
        Called.given = options

    assert called(start, "--device", "tpu") == (2, None)
    assert capsys.readouterr().err == (
        "error: there is no device `tpu`\nhint: write `auto`, `cpu`, `cuda` or `cuda:1`\n"
    )
    with pytest.raises(UsageError, match="a call cannot take -1 seconds"):
        RunOptions(timeout=-1)


def test_options_are_flags_again():
    assert RunOptions().to_flags() == ()
    options = RunOptions(
        only=("a b", "c"), backends=("onnx",), limit=5, set=("x=1",), offline=True, timeout=0.5, store=Path("s"),
        outputs=(Path("o"),), plugin_files=(Path("p.py"),), force=True,
    )  # fmt: skip
    assert options.to_flags() == (
        "--only", "a b", "--only", "c", "--backend", "onnx", "--limit", "5", "--set", "x=1", "--offline",
        "--plugin", "p.py", "--timeout", "0.5",
    )  # fmt: skip
