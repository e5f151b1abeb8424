"""A plan of one check, as a run tells of it."""

from __future__ import annotations

import io
import re
from types import SimpleNamespace

import pytest

from mqa_registry import plan as plans
from mqa_registry.judging import Result, Verdict
from mqa_registry.plan import ProbeRequest
from mqa_registry.suite import Use
from tests.stand_ins import make_probe


class Terminal(io.StringIO):
    """A terminal as far as it is needed: a cursor that goes up, and lines that are erased."""

    def isatty(self):
        return True

    @property
    def screen(self):
        """The lines that are to be seen."""
        lines, row, column = [""], 0, 0
        for code, number, control, words in re.findall(r"(\x1b\[([0-9;?]*)([A-Za-z]))|([^\x1b]+)", self.getvalue()):
            if control == "A":
                row -= int(number)
            elif control == "K":
                assert number == "2"
                lines[row] = ""
            else:
                assert not code or control == "m"  # a colour, and nothing else
            for part in re.findall(r"\n|\r|[^\r\n]+", words):
                row += part == "\n"
                column = 0 if part in "\r\n" else column + len(part)
                lines += [""] * (row + 1 - len(lines))
                if part not in "\r\n":
                    lines[row] = lines[row][: column - len(part)].ljust(column - len(part)) + part
        assert not column or lines[row]
        return [line.rstrip() for line in lines if line.strip()]


@pytest.fixture
def terminal(monkeypatch):
    """A terminal of 80 columns and 24 lines, which another test may set before it is drawn on."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm", "COLUMNS": "80", "LINES": "24"}.items():
        monkeypatch.setenv(name, value)
    return Terminal()


@pytest.fixture
def samples(engine):
    """What a run tells of: a plan with its case and view, a probe, and results."""
    plan = plans.make(engine.suite(engine.check()))
    probe = ProbeRequest(Use("parity/tensors", make_probe("tensors", lambda context: None)), plan.views[0])
    return SimpleNamespace(plan=plan, case=plan.cases[0], view=plan.views[0], probe=probe, result=make_result)


def make_result(verdict=Verdict.PASS, check="accuracy", **parts):
    """A result of the check, which holds but for what is said otherwise."""
    usual = {"measure": {"use": "metrics/accuracy"}, "definition": "accuracy/1", "data": "words", "backend": "one"}
    return Result(verdict, check=check, **(usual | parts))
