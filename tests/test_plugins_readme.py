"""The page `plugins/README.md`, done by the book: every file written, every command run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder
from scipy.special import softmax
from sklearn.metrics import recall_score

from mqa_registry import ModelUnderTest, Predictions, RunContext, as_predictions, edited
from mqa_registry.cli.project import KINDS
from mqa_registry.plugins import HOOKS, load
from mqa_registry.runs import RunOptions, run
from mqa_registry.testing import Trial, list_cases
from mqa_registry.testing.rules import RULES

PAGE = Path(__file__).parents[1] / "plugins" / "README.md"
FILE = re.compile(r"^`(?P<name>[\w./]+)`\n\n```\w+\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (?P<command>.+)$", re.MULTILINE)

# The page's commands as they run here: without a network, and without touching the environment of the tests.
QUIET_PIP = f"{sys.executable} -m pip --disable-pip-version-check install --quiet --no-index --no-deps"
HERE = {
    'pip install -e ".[test]"': f"{QUIET_PIP} --no-build-isolation --target installed .",
    "pytest": f"{sys.executable} -m pytest -q -p no:cacheprovider",
    "python -m build": f"{sys.executable} -m build --no-isolation",
}
AS_WRITTEN = "mqa "
ENTER = "cd "


@pytest.fixture(scope="module")
def page():
    return PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def done(page, tmp_path_factory):
    """The project with every file of the page, and what each command said, all in the page's order."""
    folder = tmp_path_factory.mktemp("plugins")
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "100"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    said = {}
    for step in sorted([*FILE.finditer(page), *COMMAND.finditer(page)], key=re.Match.start):
        found = step.groupdict()
        if "name" in found:
            (folder / found["name"]).write_text(found["text"], encoding="utf-8")
            continue
        command = found["command"]
        if command.startswith(ENTER):
            folder /= command.removeprefix(ENTER)
            environment["PYTHONPATH"] = str(folder / "installed")
            continue
        words = HERE.get(command, command).split()
        said[command] = subprocess.run(
            words, cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8", check=False
        )
    return SimpleNamespace(folder=folder, said=said)


def test_every_block_of_the_page_is_a_file_or_a_command(page):
    blocks = re.findall(r"^```(\w+)$", page, re.MULTILINE)
    assert len(FILE.findall(page)) == len(blocks) - blocks.count("console")
    assert all(command in HERE or command.startswith((AS_WRITTEN, ENTER)) for command in COMMAND.findall(page))


def test_the_page_names_every_kind_of_project(page):
    (told,) = re.findall(r"`--kind` says what it gives: (.+?)\.\s", page, re.DOTALL)
    assert re.findall(r"`([a-z]+)`", told) == list(KINDS)


def test_the_entry_point_of_the_page_is_the_one_that_was_written(page, done):
    excerpt = re.findall(r"^    (\[project\.entry-points.+\n)    (.+\n)", page, re.MULTILINE)[0]
    assert "".join(excerpt) in (done.folder / "pyproject.toml").read_text("utf-8")


def test_every_command_ends_well(done):
    assert {command: (one.returncode, one.stderr) for command, one in done.said.items() if one.returncode} == {}


def test_the_plugin_is_seen(done):
    seen = done.said["mqa plugins emoji"].stdout
    assert "emoji/add" in seen
    assert "A face behind every text." in seen
    assert "emoji/has-emoji" in seen


def test_the_suite_cuts_the_rows_by_the_plugins_slice(done):
    report = done.said["mqa run example/suite.toml --only emoji-or-not"].stdout
    assert "with emoji" in report
    assert "without emoji" in report
    assert "0.667" in report


def test_the_perturbed_rows_can_be_looked_at(done):
    written = sorted(path.name for path in (done.folder / "rows").glob("*.parquet"))
    assert written[0].startswith("posts.add-")
    assert written[1] == "posts.parquet"


def test_its_tests_ran_with_those_of_every_rule(done):
    own = 20 + 3  # a face by seed, and three of their own
    assert f"{own + count_rules(done)} passed" in done.said["pytest"].stdout


def test_it_keeps_every_rule_without_pytest_too(done):
    said = done.said["mqa plugins emoji --test"].stdout
    assert said == f"{count_rules(done) - 1} rules hold, 0 are broken, 0 were not tried\n"  # without the golden pair


def count_rules(done):
    trials = {"has-emoji": Trial(golden=[({"text": ""}, "without emoji")])}
    return len(list_cases(done.folder / "mqa_emoji", trials))


def test_the_page_lists_every_rule_as_the_kit_has_it(page):
    section = page[
        page.index("\n# Rules that every plugin is held to") : page.index("\n# What mqa requires of a plugin")
    ]
    listed = re.findall(r"^\| (.+) \| `(.+)` \| (.+) \|$", section, re.MULTILINE)
    every = tuple(kind for kinds in HOOKS.values() for kind in kinds)
    names = {(): "a plugin", every: "every contribution"}
    rules = [(names.get(one.kinds) or ", ".join(kind.kind for kind in one.kinds), one.id, one.demand) for one in RULES]
    assert listed == rules


def test_the_wheel_holds_the_module_alone(done):
    (wheel,) = (done.folder / "dist").glob("*.whl")
    assert wheel.name == "mqa_emoji-0.1.0-py3-none-any.whl"


def test_the_source_distribution_holds_the_example_and_no_store(done):
    assert (done.folder / "example" / ".mqa").is_dir()
    (sdist,) = (done.folder / "dist").glob("*.tar.gz")
    with tarfile.open(sdist) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    example = {f"example/{name}" for name in ("posts.csv", "predictions.csv", "suite.toml")}
    package = {"mqa_emoji/__init__.py", "mqa_emoji/py.typed", "tests/test_mqa_emoji.py"}
    assert names == {".gitignore", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml"} | package | example


def test_our_own_distributions_hold_no_store(tmp_path):
    (tmp_path / "pyproject.toml").write_text((PAGE.parents[1] / "pyproject.toml").read_text("utf-8"), "utf-8")
    stores = [".mqa", "suites/.mqa", "plugins/mqa_metrics/.mqa"]
    for name in ["mqa_registry/__init__.py", "suites/nlp.toml", *(f"{store}/runs/rows.parquet" for store in stores)]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for builder in (SdistBuilder(str(tmp_path)), WheelBuilder(str(tmp_path))):
        names = {file.relative_path for file in builder.recurse_included_files()}
        assert "mqa_registry/__init__.py" in names
        assert not [name for name in names if ".mqa" in name]


def test_the_metrics_of_the_page_are_a_plugin_and_mean_what_they_say(done):
    catalog = load([], files=[done.folder / "mqa_more_metrics.py"])
    plugin = catalog.plugins["mqa_more_metrics"]
    assert plugin.broken == ""
    wrong, error, worst = (contribution.function for contribution in plugin.contributions)
    rng = np.random.default_rng(0)
    right, p = rng.integers(0, 3, 60), rng.dirichlet([1, 1, 1], 60)
    predictions, targets = answers(p), answers(np.eye(3)[right])
    said = p.argmax(axis=1)
    np.testing.assert_array_equal(wrong(predictions, targets)[said != right], p.max(axis=1)[said != right])
    usual = error(
        *(Predictions("value", pa.table({"id": ["a", "b"], "value": pair})) for pair in ([1.0, 5.0], [3.0, 4.0]))
    )
    assert (usual.values.tolist(), usual.share) == ([2.0, 1.0], 0.95)
    statistic = worst(predictions, targets)
    counts = np.bincount(statistic.bins, minlength=statistic.n_bins)
    assert statistic.compute(counts) == min(recall_score(right, said, average=None))


def test_the_probe_of_the_page_counts_repeated_texts(done):
    suite = done.folder / "example" / "again.toml"
    whole = (done.folder / "example" / "suite.toml").read_text(encoding="utf-8")
    check = '[[check]]\nmeasure = "mqa_probing/repeated"\nexpect.count = { max = 0 }\n'
    suite.write_text(whole[: whole.index("[[check]]")] + check, encoding="utf-8")
    posts = done.folder / "example" / "posts.csv"
    asked = RunOptions(plugin_files=(done.folder / "mqa_probing.py",))
    assert run(suite, asked).results[0].verdict == "PASS"
    posts.write_text(posts.read_text(encoding="utf-8") + "7,great,positive\n", encoding="utf-8")
    (result,) = run(suite, asked).results
    assert (result.verdict, result.evidence.remarks) == ("FAIL", ("row `7` repeats an earlier one",))


def test_the_comparison_of_the_page_shows_the_rows_behind_its_number(done):
    suite = done.folder / "example" / "drop.toml"
    whole = (done.folder / "example" / "suite.toml").read_text(encoding="utf-8")
    (done.folder / "example" / "sure.csv").write_text(
        "id,positive,negative\n1,0.9,0.1\n2,0.2,0.8\n3,1,0\n", encoding="utf-8"
    )
    (done.folder / "example" / "unsure.csv").write_text(
        "id,positive,negative\n1,0.4,0.6\n2,0.25,0.75\n3,1,0\n", encoding="utf-8"
    )
    (done.folder / "example" / "three.csv").write_text(
        "id,text,target\n1,a,positive\n2,b,negative\n3,c,positive\n", encoding="utf-8"
    )
    backends = "".join(f'[backends.{name}]\nuse = "replay/file"\npath = "{name}.csv"\n' for name in ("sure", "unsure"))
    check = '[[check]]\nmeasure = "mqa_comparing/confidence-drop"\ngate = "point"\nexpect = { max = 0 }\n'
    head = whole[: whole.index("[backends")].replace("posts.csv", "three.csv")
    suite.write_text(head + backends + check, encoding="utf-8")
    (result,) = run(suite, RunOptions(plugin_files=(done.folder / "mqa_comparing.py",))).results
    assert result.verdict == "FAIL"
    assert result.evidence.remarks == ("fell by more than 0.1: 1 row; 1 newly wrong, 0 newly right, McNemar p = 1",)
    assert [(row.id, row.target, row.fields) for row in result.evidence.examples] == [
        ("1", "positive", {"text": "a"}), ("2", "negative", {"text": "b"}),
    ]  # fmt: skip
    assert result.evidence.examples[0].details["drop"] == pytest.approx(0.3)


def test_the_model_the_task_and_the_backend_of_the_page_run_a_suite(done):
    report = run(done.folder / "linear.toml", RunOptions(plugin_files=(done.folder / "mqa_linear.py",)))
    (result,) = report.results
    assert (result.verdict, result.numbers["value"].estimate) == ("PASS", 1.0)
    assert "numpy" in done.said["mqa run linear.toml --plugin mqa_linear.py"].stdout


def test_the_codec_of_the_page_gives_the_probabilities_of_a_linear_model(done):
    source, task, backend = load([], files=[done.folder / "mqa_linear.py"]).plugins["mqa_linear"].contributions
    options = source.options(path=done.folder / "linear.json")
    model_under_test = ModelUnderTest(source.load(task, None, options), task, RunContext(exports=done.folder))
    codec = model_under_test.codec
    rows = codec.encode([{"text": "I love a great great day"}, {"text": "slow"}, {"text": ""}])
    with backend.open(model_under_test, None) as runner:
        table = codec.decode(runner.run(codec.collate(rows)), rows)
    assert table["label"].to_pylist() == ["positive", "negative", "negative"]
    logits = np.array([[-1.0, 2 + 3 + 3 + 1], [2, 0], [0, 0]])
    np.testing.assert_allclose(table["probability"].to_pylist(), softmax(logits, axis=1))


def test_the_perturbation_of_the_page_says_where_it_changes_a_text(done):
    plugin = load([], files=[done.folder / "mqa_pauses.py"]).plugins["mqa_pauses"]
    assert plugin.broken == ""
    text = "well, no, thanks"
    edits = plugin.contributions[0].function({"text": text}, np.random.default_rng(0))["text"]
    assert edited(text, edits) == "well... no... thanks"


def answers(p: np.ndarray) -> Predictions:
    columns = {f"class-{code}": p[:, code] for code in range(p.shape[1])}
    return as_predictions(pa.table({"id": [str(n) for n in range(len(p))], **columns}))
