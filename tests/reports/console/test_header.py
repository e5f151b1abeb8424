"""The header: what ran, on what, and what was loosened."""

from __future__ import annotations

from dataclasses import replace

from mqa_registry.reports.console.header import describe_facts


def test_facts_read_as_words():
    found = {"threads": 2, "precision": "float32", "device": "cuda:0", "opset": 20, "exporter": "transformers"}
    assert describe_facts(found) == "cuda:0, float32, 2 threads, opset 20, exporter transformers"
    assert describe_facts(
        {"providers": ["CUDAExecutionProvider", "CPUExecutionProvider"], "tf32": False, "identity": {}}
    ) == ("CUDAExecutionProvider + CPUExecutionProvider")
    assert describe_facts({"threads": 1, "opset": 1}) == "1 thread, opset 1"
    assert describe_facts({"trust_remote_code": True, "bytes": 41_112_601, "nothing": None, "empty": ""}) == (
        "trust remote code, 41,112,601 bytes"
    )


def test_rows_are_those_of_the_data_and_not_the_repetitions_of_what_is_timed(make):
    timed = make.result("latency", numbers={"p95_ms": make.number(9.1, 0.2, rows=5000)})
    assert "  data      reviews, 4,200 rows\n" in make.rendered(make.finished([timed]))


def test_a_data_set_that_rows_are_held_against_is_told_and_one_that_nothing_is_known_of_is_named(make):
    report = make.finished([make.result("one"), make.result("two", data="other")])
    report = replace(report, environment={**report.environment, "data": {"train": {"rows": 1}, "reviews": {"rows": 0}}})
    assert "  data      reviews, 0 rows; other; train, 1 row\n" in make.rendered(report)


def test_the_confidence_is_the_suites(make):
    report = make.finished(make.demo())
    report = replace(report, suite=replace(report.suite, confidence=0.999))
    assert "  numbers   estimate [99.9 % confidence interval]\n" in make.rendered(report)


def test_a_long_entry_is_cut_to_two_lines_and_whole_with_verbose(make):
    report = make.finished([])
    report = replace(report, environment={"packages": {f"package-{number}": "1.0" for number in range(40)}})
    assert "package-39" not in make.rendered(report)
    assert "…\n" in make.rendered(report)
    assert "package-39 1.0" in make.rendered(report, verbose=1)


def test_a_report_that_says_nothing_of_its_surroundings_is_still_shown(make):
    report = replace(make.finished(make.demo()), environment={}, work=None)
    assert "PASS  20 checks: 20 held" in make.rendered(report)


def test_of_the_model_the_digest_is_short_and_its_labels_are_left_out(make):
    model = {
        "use": "transformers/auto",
        "id": "m",
        "digest": "sha256:" + "0123456789ab" + "c" * 52,
        "labels": {"a": "b"},
    }
    report = make.finished([])
    report = replace(report, environment={"model": model | {"labels": "secret"}})
    (line,) = [line for line in make.rendered(report).split("\n") if line.startswith("  model")]
    assert line.split(None, 1)[1] == "m, transformers/auto, sha256:0123456789ab"


def test_truncated_rows_are_told_with_their_share_and_the_limit(make):
    truncated = {"share": 0.1234, "rows": 1200, "limit": 512, "longest": 1500}
    data = {"reviews": {"rows": 9724, "truncated": truncated}, "other": {"rows": 3}}
    text = make.rendered(replace(make.finished([]), environment={"data": data}), 160)
    assert "  truncated  reviews, 12.3 % of the rows (1,200) to 512 tokens, the longest has 1,500\n" in text
