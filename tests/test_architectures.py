"""A sound export of another architecture passes: `python -m tests.benchmarks.architectures` prints the whole table."""

from __future__ import annotations

import pytest

from tests.benchmarks import architectures
from tests.benchmarks.tiny import MODELS

QUICK = "ViT"


@pytest.mark.usefixtures("exports_here")
def test_a_sound_export_never_fails():
    expect_pass(architectures.compare_export(MODELS[QUICK], sentences=False))


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_a_sound_export_in_a_separate_process_never_fails(name):
    expect_pass(architectures.compare_in_subprocess(name))


def expect_pass(found):
    assert found["verdict"] == "PASS", found["note"]
    assert 0 < found["ratio"] < 10


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if model.reads_text])
def test_a_sound_export_passes_on_texts_of_any_length(name):
    found = architectures.compare_in_subprocess(name, flags=["--sentences"])
    assert found["verdict"] == "PASS", found["note"]


@pytest.fixture
def swept(monkeypatch, capsys):
    """The exit code of the command, and what it prints, where the verdicts are these."""

    def sweep(*arguments, **verdicts):
        def compare(name, limit, flags):
            return {"exporter": "torch", "verdict": verdicts.get(name, "PASS"), "ratio": 1.0, "note": "a reason"}

        monkeypatch.setattr(architectures, "compare_in_subprocess", compare)
        monkeypatch.setattr("sys.argv", ["architectures", *arguments])
        with pytest.raises(SystemExit) as ended:
            architectures.main()
        return int(ended.value.code or 0), capsys.readouterr().out

    return sweep


def test_all_that_pass_are_counted(swept):
    code, printed = swept()
    assert code == 0
    assert f"{len(MODELS)} of {len(MODELS)} pass, 0 fail" in printed


def test_one_false_alarm_is_enough(swept):
    assert swept(BERT="FAIL")[0] == 1
    assert swept("--only", "BERT", BERT="FAIL")[0] == 1


def test_a_few_that_cannot_be_exported_are_accepted_and_no_more(swept):
    names = list(MODELS)
    spare = len(names) - architectures.MIN_PASSED
    assert swept(**dict.fromkeys(names[:spare], "NOT-RUN"))[0] == 0
    assert swept(**dict.fromkeys(names[: spare + 1], "NOT-RUN"))[0] == 1


def test_a_timeout_is_an_error(monkeypatch):
    found = architectures.compare_in_subprocess("BERT", 0.01)
    assert (found["verdict"], found["note"]) == ("ERROR", "not done after 0.01 s")


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_a_sound_export_in_half_precision_never_fails(name):
    found = architectures.compare_in_subprocess(name, flags=["--precision", "float16"])
    assert found["verdict"] in {"PASS", "NOT-RUN"}, found["note"]
