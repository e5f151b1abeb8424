"""TensorBoard: what its own reader finds in the files."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import pytest

from mqa_registry.errors import NotRunError
from mqa_registry.reports import without_examples
from mqa_reports.trackers.series import list_points
from mqa_reports.trackers.tensorboard import publish
from tests.mqa_reports.html.conftest import make_hostile, make_report

RUN = "20261121-222800-3f9a"


def read(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder), size_guidance={"tensors": 0}).Reload()


def scalars(events):
    """The steps and values of each series, as TensorBoard reads them."""
    from tensorboard.util.tensor_util import make_ndarray

    tags = events.summary_metadata.items()
    names = [tag for tag, metadata in tags if metadata.plugin_data.plugin_name == "scalars"]
    return {tag: {one.step: make_ndarray(one.tensor_proto).item() for one in events.Tensors(tag)} for tag in names}


def text(events):
    (one,) = events.Tensors("report")
    assert events.summary_metadata["report"].plugin_data.plugin_name == "text"
    return one.tensor_proto.string_val[0].decode()


def test_every_number_is_a_scalar_and_the_report_a_text(tmp_path):
    report = make_report()
    publish(report, str(tmp_path / "logs"))
    events = read(tmp_path / "logs" / "reviews" / RUN)
    expected = defaultdict(dict)
    for point in list_points(report):
        expected[point.name][point.step] = pytest.approx(point.value, rel=1e-6)
    assert scalars(events) == expected
    assert "❌ FAIL: `reviews`" in text(events)
    assert "cuonsel" in text(events)


def test_without_examples_no_text_of_a_row_is_in_the_file(tmp_path):
    publish(without_examples(make_report()), str(tmp_path))
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert b"cuonsel" not in file.read_bytes()


def test_a_tag_names_one_run_and_what_others_wrote_there_stays(tmp_path):
    report = replace(make_report(), tags=("v1",))
    folder = tmp_path / "reviews" / "v1"
    for one in (report, report, replace(report, started=report.started.replace(year=2027))):
        publish(one, str(tmp_path))
        (folder / "events.out.tfevents.1.trainer").write_bytes(b"")
    assert len(list(folder.iterdir())) == 2
    assert text(read(folder))


def test_hostile_names_lead_nowhere_else(tmp_path):
    inside = tmp_path / "logs"
    hostile = make_hostile()
    publish(hostile, str(inside))
    publish(replace(hostile, run="../../..", suite=replace(hostile.suite, name="../..")), str(inside))
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]
    assert {len(path.relative_to(inside).parts) for path in inside.rglob("*.mqa")} == {3}


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "reviews").write_text("a file")
    with pytest.raises(NotRunError, match=r"the numbers cannot be written to `.*reviews/2026.*`: ") as caught:
        publish(make_report(), str(tmp_path))
    assert caught.value.hint == f"`mqa report {RUN} --tensorboard DIR` writes them again"
