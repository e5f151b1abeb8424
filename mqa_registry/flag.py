"""Flags: how the fields of a dataclass of options are asked for on the command line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Flag:
    """The command-line option that a field of options is: the metadata of its annotation.

    `help` is its line in `--help`, `metavar` stands for its value there, and `name` is what it is called where that is
    not the field's name. A number is at least `minimum`. With `count`, the value is how often it is given. With
    `argument`, it is a positional argument.
    """

    help: str
    metavar: str = ""
    name: str = ""
    minimum: int | None = None
    count: bool = False
    argument: bool = False


@dataclass(frozen=True)
class Flags:
    """The names of the fields of a dataclass of options that a command takes."""

    names: tuple[str, ...]


def flags(*names: str) -> Flags:
    """What a command takes of a dataclass of options, by the names of its fields.

    It stands in the annotation of the command's parameter, as `Annotated[RunOptions, flags("limit", "store")]`.
    """
    return Flags(names)
