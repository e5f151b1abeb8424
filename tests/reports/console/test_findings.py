"""Findings: a symbol, a topic and a message each, and below them what repairs it."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from mqa_registry.findings import Finding
from mqa_registry.reports.console.findings import print_findings

ENVIRONMENT = {
    "mqa": "0.1.0",
    "python": "3.11.4",
    "packages": {"torch": "2.13.0"},
    "machine": {"system": "Linux x86_64", "cpu": "a CPU", "cores": 1, "gpus": []},
}


@pytest.fixture(name="lines")
def _lines():
    def shown(findings, *, width=80, verbose=0, encoding="utf-8", environment=ENVIRONMENT):
        written = io.BytesIO()
        stream = io.TextIOWrapper(written, encoding=encoding)
        print_findings(environment, findings, Console(file=stream, width=width), verbose=verbose)
        stream.flush()
        return written.getvalue().decode(encoding).split("\n")

    return shown


def test_the_machine_comes_first_and_the_counts_last(lines):
    found = lines({"mqa/plugins": [Finding("ok", "usable", "all"), Finding("note", "old", "is old")], "none": []})
    assert found[:4] == [
        "What this machine can run",
        "  machine   Linux x86_64, a CPU, 1 core",
        "  GPUs      none that a driver lists",
        "  versions  mqa 0.1.0, python 3.11.4, torch 2.13.0",
    ]
    assert found[4:8] == ["", "mqa/plugins", "  ✓ usable  all", "  - old     is old"]
    assert found[-3:] == ["─" * 80, "0 problems, 1 note. Exit code 0.", ""]


def test_a_machine_of_which_little_is_known_is_shown(lines):
    machine = {**ENVIRONMENT["machine"], "cores": None, "gpus": ["A", "B"]}
    found = lines({}, environment={**ENVIRONMENT, "machine": machine})
    assert found[1:3] == ["  machine   Linux x86_64, a CPU, 0 cores", "  GPUs      A, B"]


def test_a_problem_says_what_repairs_it_and_ends_with_exit_code_3(lines):
    found = lines({"x/y": [Finding("problem", "leg", "broken", "rest"), Finding("warning", "eye", "red")]}, width=120)
    assert found[6:9] == ["  ✗ leg  broken", "    fix: rest", "  ! eye  red"]
    assert found[-2].startswith("1 problem, 1 warning, 0 notes. Mend them")
    assert found[-2].endswith("Exit code 3.")
    assert found[-3] == "─" * 100


def test_the_end_of_the_evidence_is_for_the_verbose(lines):
    finding = Finding("note", "log", "is long", evidence="\n".join(f"line {number}" for number in range(60)))
    assert not any("line 59" in line for line in lines({"x": [finding]}))
    evidence = [line for line in lines({"x": [finding]}, verbose=1) if line.startswith("    | ")]
    assert evidence == [f"    | line {number}" for number in range(20, 60)]


def test_a_long_topic_is_cut_to_a_third_of_the_line(lines):
    finding = Finding("note", "s" * 60, "message " * 3)
    assert lines({"x": [finding]}, width=120)[6] == f"  - {'s' * 27}…  {('message ' * 3).strip()}"
    assert lines({"x": [finding]}, width=60)[6].startswith(f"  - {'s' * 19}…  message")


def test_an_ascii_stream_gets_the_level_as_a_word(lines):
    found = lines({"x": [Finding("warning", "eye", "red"), Finding("ok", "ear", "fine")]}, encoding="ascii")
    assert found[6:8] == ["  warning eye  red", "  ok      ear  fine"]
