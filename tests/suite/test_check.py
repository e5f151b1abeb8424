"""A good suite becomes what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqa_registry.errors import SuiteError
from mqa_registry.plugins import Catalog, Plugin
from mqa_registry.suite import Against, Expect, Overrides, Severity, read, validate
from tests.stand_ins import make_replay
from tests.suite.conftest import CATALOG

ACCURACY = '[[check]]\nmeasure = "metrics/accuracy"\nexpect = { min = 0.8 }\n'


def only(suite):
    (one,) = suite.checks
    return one


def test_a_suite_has_its_tables_in_the_order_of_the_file(suite):
    made = suite(ACCURACY)
    assert (made.name, made.seed, made.confidence) == ("suite", 0, 0.95)
    assert made.path == Path("suite.toml")
    assert list(made.backends) == ["torch", "onnx"]
    assert made.reference == "torch"
    assert made.model.source.name == "transformers/auto"
    assert made.model.task.name == "transformers/text-classification"
    assert made.data["reviews"].source.options == {"path": Path("reviews.parquet")}


def test_top_level_keys_are_taken_over(suite, head):
    top = 'name = "mine"\nseed = 7\nconfidence = 0.9\ngate = "point"\n'
    made = suite(text=f"{top}{head}{ACCURACY}")
    assert (made.name, made.seed, made.confidence, only(made).gate) == ("mine", 7, 0.9, "point")


def test_a_check_is_on_every_backend_and_the_first_data_set_unless_it_says_otherwise(suite):
    plain = only(suite(ACCURACY))
    assert (plain.on, plain.data, plain.steps, plain.by, plain.against) == (
        ("torch", "onnx"),
        "reviews",
        (Severity(),),
        None,
        None,
    )
    assert (plain.critical, plain.gate, plain.tags, plain.expect) == (True, "interval", (), {"value": Expect(min=0.8)})


def test_everything_a_check_can_say(suite):
    one = only(
        suite("""
            [data.train]
            use = "datasets/file"
            path = "train.csv"

            [[check]]
            name = "typos"
            measure = { use = "metrics/f1", average = "micro" }
            perturb = { use = "robustness/typos", rate = 0.1 }
            by = { use = "fairness/column", name = "domain" }
            on = ["onnx", "torch"]
            data = "train"
            against = { backend = "torch", perturb = false, data = "reviews" }
            expect = { min = 0, max_drop = 0.1, min_rows = 50 }
            tags = ["slow", "text"]
            critical = false
            gate = "point"
        """)
    )
    assert (one.name, one.on, one.data) == ("typos", ("torch", "onnx"), "train")
    assert one.measure.as_table() == {"use": "metrics/f1", "average": "micro"}
    assert [use.as_table() for use in one.steps[0].perturb] == [{"use": "robustness/typos", "rate": 0.1}]
    assert one.by.options == {"name": "domain"}
    assert one.against == Against(backend="torch", data="reviews", unperturbed=True)
    assert one.expect == {"value": Expect(min=0.0, max_drop=0.1, min_rows=50)}
    assert (one.tags, one.critical, one.gate) == (("slow", "text"), False, "point")


def test_a_check_is_named_after_its_parts_unless_it_has_a_name(suite):
    made = suite("""
        [[check]]
        measure = "metrics/accuracy"
        perturb = ["robustness/typos", { use = "robustness/upper" }]
        by = { use = "fairness/length" }
        expect = { min = 0 }

        [[check]]
        measure = { use = "metrics/f1" }
        expect = { min = 0 }
    """)
    assert [one.name for one in made.checks] == [
        "metrics/accuracy / robustness/typos + robustness/upper / fairness/length",
        "metrics/f1",
    ]


def test_a_list_of_perturbations_is_their_composition(suite):
    one = only(
        suite("""
            [[check]]
            measure = "metrics/accuracy"
            perturb = ["robustness/upper", { use = "robustness/typos", severity = 2 }]
            expect = { max_drop = 0.1 }
        """)
    )
    (step,) = one.steps
    assert [use.name for use in step.perturb] == ["robustness/upper", "robustness/typos"]
    assert step.severity is None


def test_a_list_of_severities_is_a_sweep(suite):
    one = only(
        suite("""
            [[check]]
            measure = "metrics/accuracy"
            perturb = ["robustness/upper", { use = "robustness/typos", severity = [1, 3], rate = 0.1 }]
            expect = { max_drop = 0.1 }
        """)
    )
    assert [step.severity for step in one.steps] == [1, 3]
    assert [step.perturb[1].options for step in one.steps] == [
        {"severity": 1, "rate": 0.1},
        {"severity": 3, "rate": 0.1},
    ]
    assert all(step.perturb[0].name == "robustness/upper" for step in one.steps)


def test_a_reports_echo_of_a_sweep_is_the_table_of_the_suite_file(suite):
    one = only(
        suite("""
            [[check]]
            measure = "metrics/accuracy"
            perturb = ["robustness/upper", { use = "robustness/typos", severity = [1, 3] }]
            expect = { max_drop = 0.1 }
        """)
    )
    assert one.perturb_table() == [{"use": "robustness/upper"}, {"use": "robustness/typos", "severity": [1, 3]}]


@pytest.mark.parametrize(
    ("perturb", "table"),
    [
        ('"robustness/upper"', {"use": "robustness/upper"}),
        ('["robustness/upper"]', [{"use": "robustness/upper"}]),
        ('{ use = "robustness/typos", rate = 0.1 }', {"use": "robustness/typos", "rate": 0.1}),
        ('{ use = "robustness/typos", severity = [2] }', {"use": "robustness/typos", "severity": [2]}),
        ('{ use = "robustness/typos", severity = 2 }', {"use": "robustness/typos", "severity": 2}),
        (
            '[{ use = "robustness/typos", severity = [2] }, { use = "robustness/typos", severity = 2 }]',
            [{"use": "robustness/typos", "severity": [2]}, {"use": "robustness/typos", "severity": 2}],
        ),
        (
            '[{ use = "robustness/typos", severity = 2 }, { use = "robustness/typos", severity = [2] }]',
            [{"use": "robustness/typos", "severity": 2}, {"use": "robustness/typos", "severity": [2]}],
        ),
    ],
)
def test_a_reports_echo_of_a_perturbation_is_made_of_its_steps(suite, perturb, table):
    made = only(suite(f'[[check]]\nmeasure = "metrics/accuracy"\nperturb = {perturb}\nexpect = {{ min = 0.1 }}\n'))
    assert made.perturb_table() == table


@pytest.mark.parametrize("twice", ["[1.5, 1.5]", "[1, 1.0]", "[2, 1, 2]"])
def test_a_severity_stands_in_a_sweep_once(problems, twice):
    check = '[[check]]\nmeasure = "metrics/accuracy"\nexpect = { min = 0.1 }\n'
    said = problems(f'{check}perturb = {{ use = "robustness/typos", severity = {twice} }}\n')
    assert "stands in the sweep twice" in said


def test_a_check_without_a_perturbation_has_none_to_report(suite):
    assert only(suite(ACCURACY)).perturb_table() is None


@pytest.mark.parametrize(
    ("task", "options"),
    [
        ('"text-classification"', {}),
        ('"transformers/text-classification"', {}),
        ('{ use = "text-classification", max_length = 64 }', {"max_length": 64}),
        ('{ use = "transformers/text-classification", max_length = 64 }', {"max_length": 64}),
    ],
)
def test_a_task_is_named_in_full_or_as_one_of_the_model_sources_plugin(suite, head, task, options):
    made = suite(text=head.replace('"text-classification"', task) + ACCURACY)
    assert made.model.task.name == "transformers/text-classification"
    assert made.model.task.options == options


def test_a_model_is_a_folder_where_there_is_one_next_to_the_suite(suite, folder):
    assert suite(ACCURACY).model.source.options == {"id": "my-model"}
    (folder / "my-model").mkdir()
    assert suite(ACCURACY).model.source.options == {"id": Path("my-model")}
    assert suite(ACCURACY).model.source.given == {"id": "my-model"}


def test_a_suite_of_replays_alone_needs_no_model(suite):
    made = suite(
        text="""
            format = 1
            [data.rows]
            use = "datasets/file"
            path = "rows.csv"
            columns = { text = "review", target = "stars" }
            sample = 100
            limit = 10
            [backends.phone]
            use = "replay/file"
            path = "phone"
            schema = "spans"
            [[check]]
            measure = "metrics/span-f1"
            expect = { min = 0.8 }
        """
    )
    assert made.model is None
    data = made.data["rows"]
    assert (data.columns, data.sample, data.limit) == ({"text": "review", "target": "stars"}, 100, 10)
    assert made.backends["phone"].options == {"path": Path("phone"), "schema": "spans"}


@pytest.mark.parametrize(
    "check",
    [
        'measure = "parity/agreement"\nexpect = { min = 0.9 }',
        'measure = "parity/agreement"\non = ["onnx"]\nexpect = { min = 0.9 }',
        'measure = "parity/agreement"\non = ["torch"]\nperturb = "robustness/typos"\nagainst = { perturb = false }\nexpect = { min = 0.9 }',
        'measure = "parity/agreement"\nperturb = "robustness/deny"\nagainst = { perturb = false }\nexpect = { max = 0.2 }',
        'measure = "parity/agreement"\non = ["torch"]\nagainst = { backend = "onnx" }\nexpect = { min = 0.9 }',
        'measure = "metrics/accuracy"\non = ["torch"]\nperturb = "robustness/typos"\nexpect = { max_drop = 0.1 }',
        'measure = "metrics/accuracy"\nexpect = { max_rise = 0.1 }',
        'measure = "fairness/parity-difference"\nby = "fairness/length"\nexpect = { max = 0.1 }',
        'measure = "metrics/accuracy"\nby = "fairness/length"\nexpect = { max_gap = 0.1, min_ratio = 0.8 }',
    ],
)
def test_what_makes_sense_is_let_through(suite, check):
    assert only(suite(f"[[check]]\n{check}\n"))


def test_the_digest_is_that_of_the_content(suite, head):
    digest = suite(ACCURACY).digest
    assert digest.startswith("sha256:")
    assert len(digest) == 71
    assert suite(f"# a comment\n\n{ACCURACY}").digest == digest
    assert suite(ACCURACY.replace("{ min = 0.8 }", "{ 'min' = 8e-1 }")).digest == digest
    assert suite(ACCURACY.replace("0.8", "0.81")).digest != digest
    assert suite(ACCURACY, overrides=Overrides(set=("seed=1",))).digest != digest


def test_the_order_of_backends_is_part_of_the_digest(suite, head):
    torch, onnx = '[backends.torch]\nuse = "transformers/torch"\n', '[backends.onnx]\nuse = "onnxruntime/session"\n'
    without = head[: head.index("[backends.torch]")]
    one, other = (suite(text=f"{without}{first}{second}{ACCURACY}") for first, second in ((torch, onnx), (onnx, torch)))
    assert one.reference != other.reference
    assert one.digest != other.digest


def test_problems_come_in_the_order_of_the_file(suite):
    with pytest.raises(SuiteError) as caught:
        suite(
            '[[check]]\nmeasure = 3\nexpect = {}\n[[check]]\nnam = "x"\nmeasure = "metrics/accuracy"\nexpect = { min = nan }\n'
        )
    lines = [problem.location.line for problem in caught.value.problems]
    assert lines == sorted(lines)
    assert len(lines) == 4


def test_forty_checks_are_read_and_checked(suite, catalog, folder, head):
    checks = "".join(
        f'[[check]]\nname = "c{n}"\nmeasure = {{ use = "metrics/f1", average = "macro" }}\n'
        f'perturb = {{ use = "robustness/typos", rate = 0.0{n % 9 + 1} }}\nby = "fairness/length"\n'
        "expect = { min = 0.5, max_gap = 0.1 }\n"
        for n in range(40)
    )
    (folder / "forty.toml").write_text(head + checks, "utf-8")
    assert len(validate(read("forty.toml"), catalog).checks) == 40


def test_the_interval_is_the_suites_unless_a_check_has_its_own(suite, head):
    top = f'interval = "wilson"\n{head}{ACCURACY}'
    assert only(suite(ACCURACY)).interval == "exact"
    assert only(suite(text=top)).interval == "wilson"
    assert only(suite(text=f'{top}interval = "jeffreys"\n')).interval == "jeffreys"


def test_a_check_may_lose_no_row_unless_it_or_the_suite_says_how_many(suite, head):
    top = f"max_lost = 0.01\n{head}{ACCURACY}"
    assert only(suite(ACCURACY)).max_lost == 0
    assert only(suite(text=top)).max_lost == 0.01
    assert only(suite(text=f"{top}max_lost = 5\n")).max_lost == 5
    assert only(suite(text=f"{top}max_lost = 0\n")).max_lost == 0


@pytest.mark.parametrize("value", ["1.0", "1.5", "-1", "-0.5", "true", '"3"', "nan", "[1]"])
def test_a_limit_of_lost_rows_is_a_number_of_rows_or_a_share_below_one(suite, value):
    with pytest.raises(SuiteError) as raised:
        suite(f"{ACCURACY}max_lost = {value}\n")
    (problem,) = raised.value.problems
    assert problem.message.startswith(
        "`max_lost` must be a whole number of at least 0 or a number of at least 0 and below 1"
    )
    assert problem.location is not None


def test_a_replay_without_a_schema_brings_labels(folder, head):
    def recorded(view, *, path: str):
        """Predictions of a service."""

    replay = {"service": Plugin("service", "own", "1", (make_replay(recorded, "recorded"),))}
    catalog = Catalog({**CATALOG.plugins, **replay}, CATALOG.installed)
    backend = head + '[backends.service]\nuse = "service/recorded"\npath = "p.csv"\n'
    Path("suite.toml").write_text(backend + ACCURACY)
    assert only(validate(read("suite.toml"), catalog)).on == ("torch", "onnx", "service")
    Path("suite.toml").write_text(
        backend + ACCURACY.replace("metrics/accuracy", "metrics/span-f1") + 'on = ["service"]'
    )
    with pytest.raises(SuiteError) as caught:
        validate(read("suite.toml"), catalog)
    (problem,) = caught.value.problems
    assert problem.message == "`metrics/span-f1` reads spans, and backend `service` predicts label"
