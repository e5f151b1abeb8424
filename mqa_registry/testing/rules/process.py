"""What a plugin does to the process that it runs in: nothing that lasts. It is seen in a fresh one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_registry.testing.fresh_process import SURVIVES
from mqa_registry.testing.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from mqa_registry.testing.subject import Subject


def _find(rule: str) -> Callable[[Subject], str]:
    return lambda subject: subject.find_in_process(rule)


def _rule(name: str, demand: str, mend: str) -> Rule:
    return Rule(name, demand, mend, _find(name))


RULES = (
    _rule(
        "imports-little",
        "Importing a plugin loads no large library: commands that only list it, and runs that only read the store, import it.",
        "Import the library within the function that needs it.",
    ),
    _rule(SURVIVES, "A plugin lets the process live, and comes to an end.", "Raise an error in place of `os._exit`."),
    _rule(
        "prints-nothing",
        "A plugin prints nothing: standard output belongs to the report.",
        "Leave it out, raise an error, or put it into the evidence or a log.",
    ),
    _rule(
        "forks-nothing",
        "A plugin forks no process: threads and locks of libraries do not survive a fork.",
        "Start processes by `subprocess`, or by the start method `spawn`.",
    ),
    _rule(
        "keeps-generators",
        "The global generators of numbers stay as they are: other code draws from them.",
        "Draw from the generator that is passed in, or from one of its own, `numpy.random.default_rng(seed)`.",
    ),
    _rule(
        "keeps-locale",
        "The locale stays as it is.",
        "Format and parse without it: numbers of Python know no locale.",
    ),
    _rule(
        "keeps-folder",
        "The current folder stays as it is.",
        "Pass whole paths, or `cwd=` to `subprocess.run`.",
    ),
    _rule(
        "keeps-environment",
        "The environment variables stay as they are.",
        "Pass `env=` to `subprocess.run`; give a library its settings in code.",
    ),
    _rule(
        "keeps-signals",
        "The handlers of signals stay as they are: Ctrl-C belongs to mqa.",
        "Use `with interruptible(stop):` for code that has to be stopped.",
    ),
    _rule(
        "keeps-settings",
        "Settings of the whole process stay as they are: the recursion limit, `sys.path`, NumPy's errors, logging.",
        "Use a context manager, such as `with numpy.errstate(...):`, around the code that needs it.",
    ),
    _rule(
        "leaves-no-thread",
        "No thread is at work once a contribution has returned.",
        "Join the thread, or leave the `with` of its pool, before returning.",
    ),
    _rule(
        "leaves-no-process",
        "No process is left that a contribution started.",
        "Wait for it, as `subprocess.run` does.",
    ),
    _rule(
        "patches-nothing",
        "A plugin replaces no function and no method of another module.",
        "Derive from the class, or wrap the function under a name of your own.",
    ),
)
