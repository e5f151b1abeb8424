"""What is wrong with a contribution's signature, in words for its author."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

from mqa_registry.contributions import Backend, Metric, Perturbation, Slice
from mqa_registry.errors import PluginError
from mqa_registry.options.signature import keyword_only, positional, resolved
from mqa_registry.options.wording import inner_type, members

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mqa_registry.contributions import Contribution

# Keys that the host reads from a contribution's table before its options, by the kind of contribution.
HOST_KEYS = {
    "model source": ("use", "task"),
    "data set": ("use", "columns", "sample", "limit"),
}

# Functions that a kind of contribution may have beside its own, with some of its options.
PARTS = {"model source": ("tells",), "backend": ("export", "stamp"), "comparison": ("evidence",)}

SIMPLE = (str, int, float, bool, Path)


def signature_problems(contribution: Contribution) -> tuple[str, ...]:
    """What is wrong with the signature of a contribution's function, in words for its author."""
    if not inspect.isfunction(contribution.function):
        return (f"its function must be a plain function, not {contribution.function!r:.60}",)
    problems = [*_positional_problems(contribution), *_option_problems(contribution)]
    if isinstance(contribution, Backend) and not problems:
        problems += _twin_problems(contribution, "identity", contribution.identity)
    for name in PARTS.get(contribution.kind, ()) if not problems else ():
        if (part := getattr(contribution, name)) is not None:
            problems += _part_problems(contribution, name, part)
    return tuple(problems)


def host_keys(contribution: Contribution) -> tuple[str, ...]:
    """The keys of its table that are the host's own."""
    return HOST_KEYS.get(contribution.kind, ("use",))


def _allowed_positional(contribution: Contribution) -> tuple[tuple[str, ...], ...]:
    takes = contribution.takes_arguments
    if isinstance(contribution, Metric):
        return (takes, (*takes, "groups"))
    if isinstance(contribution, Perturbation) and contribution.answer == "moves":
        return (("example", "target", "rng"),)
    if isinstance(contribution, Slice):
        return ((contribution.sees,),)
    return (takes,)


def _positional_problems(contribution: Contribution) -> Iterator[str]:
    # A leading underscore marks an argument as unused; the names themselves keep their order from being mixed up.
    found = [parameter.name.lstrip("_") for parameter in positional(contribution.function)]
    wanted = _allowed_positional(contribution)[0]
    if tuple(found) in _allowed_positional(contribution):
        return
    surplus = [name for name in found if name not in wanted]
    if found[: len(wanted)] == list(wanted):
        names = ", ".join(f"`{name}`" for name in surplus)
        yield f"{names} must be keyword-only to be an option: put `*` before it in the signature"
        return
    yield f"a {contribution.kind} takes ({', '.join((*wanted, '*', 'options'))}), and its function ({', '.join(found)})"


def _option_problems(contribution: Contribution) -> Iterator[str]:
    for parameter in inspect.signature(contribution.function).parameters.values():
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            yield f"`{parameter}` hides what it takes: name every option as a keyword-only parameter"
    for parameter in keyword_only(contribution.function):
        if problem := _option_problem(contribution, parameter):
            yield problem


def _option_problem(contribution: Contribution, parameter: inspect.Parameter) -> str:
    if parameter.name in host_keys(contribution):
        return f"option `{parameter.name}` cannot be set: the key is the host's in the table of a {contribution.kind}"
    if parameter.annotation is parameter.empty:
        return f"option `{parameter.name}` has no type: annotate it"
    try:
        annotation = resolved(contribution.function, parameter)
    except PluginError as error:
        return f"{error.message}; {error.hint}"
    if not _allowed(annotation):
        return f"option `{parameter.name}` has the type `{_shown(annotation)}`, which a suite file cannot spell"
    return ""


def _allowed(annotation: Any) -> bool:
    """Whether a value of this type can stand in a suite file."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _allowed(arguments[0])
    if origin is Literal:
        return all(isinstance(choice, str | int) for choice in arguments)
    if origin is dict and arguments[0] is not str:
        return False
    if (inner := inner_type(annotation)) is not None:
        return _allowed(inner)
    several = members(annotation)
    return _all_allowed(several) if several != (annotation,) else annotation in SIMPLE


def _all_allowed(annotations: Sequence[Any]) -> bool:
    return bool(annotations) and all(_allowed(annotation) for annotation in annotations)


def _shown(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) and not get_args(annotation) else str(annotation)


def _part_problems(contribution: Contribution, name: str, part: Callable[..., Any]) -> Iterator[str]:
    """What says how a file is run says nothing of how it is made, or which it is: these take some of the options."""
    if not inspect.isfunction(part):
        yield f"its `{name}` must be a plain function, not {part!r:.60}"
        return
    own, other = ({p.name: p.default for p in keyword_only(f)} for f in (contribution.function, part))
    for option, default in other.items():
        if option not in own:
            yield f"its `{name}` takes the option `{option}`, which its function does not"
        elif default != own[option]:
            yield f"its `{name}` has another default for `{option}` than its function"


def _twin_problems(backend: Backend, name: str, twin: Callable[..., Any]) -> Iterator[str]:
    """A store key must not come from other options than the run: the functions take the same, with equal defaults."""
    if not inspect.isfunction(twin):
        yield f"its `{name}` must be a plain function, not {twin!r:.60}"
        return
    own, other = ({p.name: p.default for p in keyword_only(f)} for f in (backend.function, twin))
    for option in own.keys() ^ other.keys():
        yield f"its `{name}` and its function must take the same options; only one of them has `{option}`"
    for option in own.keys() & other.keys():
        if own[option] != other[option]:
            yield f"its `{name}` has another default for `{option}` than its function"
