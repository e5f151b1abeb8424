"""What contributions of every kind declare: names, help, options and what they require."""

from __future__ import annotations

import pickle
import re
from importlib.metadata import PackageNotFoundError, requires
from typing import TYPE_CHECKING

from mqa_registry.contributions import one_line_help
from mqa_registry.options import contribution_options, validate
from mqa_registry.plugins import HOOKS
from mqa_registry.testing.rule import Rule
from mqa_registry.testing.subject import NotTriedError, show

if TYPE_CHECKING:
    from mqa_registry.testing.subject import Subject

KINDS = tuple(kind for kinds in HOOKS.values() for kind in kinds)
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
SHORTEST_HELP, LONGEST_HELP = 10, 130  # characters of the line in lists


def _find_break(subject: Subject) -> str:
    """Why the plugin cannot be used."""
    return subject.plugin.broken


def _find_odd_name(subject: Subject) -> str:
    assert subject.contribution is not None
    name = subject.contribution.name
    return "" if NAME.fullmatch(name) else f"the name `{name}`"


def _find_missing_help(subject: Subject) -> str:
    assert subject.contribution is not None
    line = one_line_help(subject.contribution)
    if not line:
        return "it has no docstring"
    if not SHORTEST_HELP < len(line) <= LONGEST_HELP:
        return f"a first line of {len(line)} characters: {show(line)}"
    return ""


def _find_unexplained_option(subject: Subject) -> str:
    assert subject.contribution is not None
    options = contribution_options(subject.contribution)
    return next((f"no sentence of its docstring has `{one.name}` in it" for one in options if not one.doc), "")


def _find_invalid_default(subject: Subject) -> str:
    assert subject.contribution is not None
    options = contribution_options(subject.contribution)
    for option in options:
        if option.required or option.default is None:
            continue
        default = list(option.default) if isinstance(option.default, tuple | frozenset) else option.default
        default = str(default) if hasattr(default, "__fspath__") else default
        faults = validate(options, {option.name: default}, owner="").faults
        wrong = next((fault for fault in faults if fault.path[:1] == (option.name,)), None)
        if wrong is not None:
            return f"the default of {wrong.message}"
    return ""


def _find_pickle_error(subject: Subject) -> str:
    assert subject.contribution is not None
    name = subject.contribution.code.__qualname__
    if "<" in name:
        return f"its function `{name}` has no name in a module"
    try:
        pickle.loads(pickle.dumps(subject.contribution))  # noqa: S301  # it was pickled the moment before
    except Exception as error:  # of pickle, in many classes
        return f"{type(error).__name__}: {error}"
    return ""


def _find_undeclared_requirement(subject: Subject) -> str:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    assert subject.contribution is not None
    if not subject.contribution.requires:
        return ""
    try:
        declared = {canonicalize_name(Requirement(one).name) for one in requires(subject.plugin.distribution) or ()}
    except PackageNotFoundError:
        raise NotTriedError("the plugin is no installed distribution, which would say what it requires") from None
    lacking = [one for one in subject.contribution.requires if canonicalize_name(one) not in declared]
    return f"`requires` names `{lacking[0]}`, which `{subject.plugin.distribution}` does not declare" if lacking else ""


RULES = (
    Rule(
        "loads",
        "A plugin can be imported, and all that its hooks give is of a kind that mqa knows.",
        "Follow what was seen; `mqa plugins NAME` shows the same.",
        _find_break,
    ),
    Rule(
        "named",
        "A name is of small letters and digits, its words joined by `-`, as in `swap-names`.",
        "Rename the contribution.",
        _find_odd_name,
        KINDS,
    ),
    Rule(
        "documented",
        f"The first line of the docstring says in {SHORTEST_HELP} to {LONGEST_HELP} characters what it is.",
        "Write such a line: `mqa plugins` lists it.",
        _find_missing_help,
        KINDS,
    ),
    Rule(
        "options-documented",
        "The docstring says of every option what it is.",
        "Write a sentence that begins with the option in backticks: `rate` is the share of words.",
        _find_unexplained_option,
        KINDS,
    ),
    Rule(
        "options-valid",
        "The default of an option is a value that a suite could give.",
        "Change the default, or the type; `None` stands for an option that may be left out.",
        _find_invalid_default,
        KINDS,
    ),
    Rule(
        "picklable",
        "A contribution can be pickled: workers get it in other processes, and on other machines.",
        "Define its functions and classes at the top of a module, not within others.",
        _find_pickle_error,
        KINDS,
    ),
    Rule(
        "requirements-declared",
        "A package in `requires` stands in the distribution's dependencies, or in one of its extras.",
        "Add it to `[project.optional-dependencies]`.",
        _find_undeclared_requirement,
        KINDS,
        lambda subject: subject.contribution is not None and bool(subject.contribution.requires),
    ),
)
