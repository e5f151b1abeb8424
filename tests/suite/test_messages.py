"""What is said about bad suites, word for word: for their authors, this is the product."""

from __future__ import annotations

import pytest

TOP = {
    "no format": 'name = "x"\n',
    "a format of the future": "format = 2\nquestions = 3\n",
    "a format of the past": "format = 0\n",
    "a format that is none": 'format = "1"\n',
    "unknown keys": "format = 1\nconfidance = 0.95\nzzz = 1\n",
    "keys from elsewhere": 'format = 1\ntask = "x"\n[[checks]]\n[dataset.x]\n[backend.x]\n',
    "a confidence in per cent": "format = 1\nconfidence = 95\n",
    "a confidence of one": "format = 1\nconfidence = 1.0\n",
    "a confidence that would decide almost anything": "format = 1\nconfidence = 0.05\n",
    "a low confidence without a reason": "format = 1\nconfidence = 0.7\n",
    "a seed below zero": "format = 1\nseed = -1\n",
    "a seed of a half": "format = 1\nseed = 0.5\n",
    "an empty name": 'format = 1\nname = ""\n',
    "a date": "format = 1\nname = 2026-11-21\n",
    "a gate of another kind": 'format = 1\ngate = "open"\n',
    "a share of lost rows in per cent": "format = 1\nmax_lost = 1.5\n",
    "lost rows below none": "format = 1\nmax_lost = -1\n",
    "lost rows as a text": 'format = 1\nmax_lost = "1 %"\n',
    "skip without extends": "format = 1\nskip = []\n",
}

TABLES = {
    "a model without a task": '[model]\nuse = "transformers/auto"\nid = "x"\n',
    "a model without a use": '[model]\nid = "x"\ntask = "text-classification"\n',
    "a model of the wrong kind": '[model]\nuse = "transformers/torch"\ntask = "text-classification"\n',
    "a model without its option": '[model]\nuse = "transformers/auto"\ntask = "text-classification"\n',
    "an option misspelt": '[model]\nuse = "transformers/auto"\nid = "x"\nrevison = "y"\ntask = "text-classification"\n',
    "an option of another type": '[model]\nuse = "transformers/auto"\nid = "x"\nrevision = 5\ntask = "text-classification"\n',
    "a task that is none": '[model]\nuse = "transformers/auto"\nid = "x"\ntask = "text-clasification"\n',
    "a task of the wrong kind": '[model]\nuse = "transformers/auto"\nid = "x"\ntask = "metrics/accuracy"\n',
    "a task of the wrong type": '[model]\nuse = "transformers/auto"\nid = "x"\ntask = 3\n',
    "a task with a wrong option": '[model]\nuse = "transformers/auto"\nid = "x"\n[model.task]\nuse = "text-classification"\nmax_length = 0\n',
    "a data set without a source": "[data.more]\nlimit = 3\n",
    "a data set of nobody's": '[data.more]\nuse = "datasets/hab"\n',
    "a data set of a plugin that is missing": '[data.more]\nuse = "dataset/file"\n',
    "a data set with wrong host keys": '[data.more]\nuse = "datasets/file"\npath = "x"\nsample = 0\nlimit = "3"\ncolumns = { text = 3 }\n',
    "a data set with a misspelt host key": '[data.more]\nuse = "datasets/file"\npath = "x"\ncolums = { text = "y" }\n',
    "a name with a way out": '[data."../x"]\nuse = "datasets/file"\npath = "x"\n',
    "a backend that is no table": "[backends]\nfast = 3\n",
    "a backend of the wrong kind": '[backends.fast]\nuse = "metrics/accuracy"\n',
    "a backend with a wrong choice": '[backends.fast]\nuse = "transformers/torch"\ndtype = "float17"\n',
    "a backend with a string for an array": '[backends.fast]\nuse = "onnxruntime/session"\nproviders = "CPU"\n',
    "a broken plugin": '[backends.fast]\nuse = "emoji/fast"\n[data.more]\nuse = "emoji/rows"\n',
}

CHECKS = {
    "nothing in it": "[[check]]\n",
    "no measure": "[[check]]\nexpect = { min = 0.8 }\n",
    "no expect": '[[check]]\nmeasure = "metrics/accuracy"\n',
    "an unknown key": '[[check]]\nmesure = "metrics/accuracy"\nexpect = { min = 0.8 }\n',
    "bounds beside expect": '[[check]]\nmeasure = "metrics/accuracy"\nmin = 0.8\nexpect = {}\n',
    "a backend for on": '[[check]]\nmeasure = "metrics/accuracy"\nbackend = "onnx"\nexpect = { min = 0.8 }\n',
    "a measure without its plugin": '[[check]]\nmeasure = "acuracy"\nexpect = { min = 0.8 }\n',
    "a measure that is none": '[[check]]\nmeasure = "metrics/acuracy"\nexpect = { min = 0.8 }\n',
    "a measure of the wrong kind": '[[check]]\nmeasure = { use = "fairness/length" }\nexpect = { min = 0.8 }\n',
    "a measure of the wrong type": "[[check]]\nmeasure = 3\nexpect = { min = 0.8 }\n",
    "a measure without use": '[[check]]\nmeasure = { average = "macro" }\nexpect = { min = 0.8 }\n',
    "a measure whose use is a number": "[[check]]\nmeasure = { use = 3 }\nexpect = { min = 0.8 }\n",
    "an unknown option": '[[check]]\nmeasure = { use = "metrics/f1", averge = "macro" }\nexpect = { min = 0.8 }\n',
    "an option where there are none": '[[check]]\nmeasure = { use = "metrics/accuracy", top = 5 }\nexpect = { min = 0.8 }\n',
    "an option out of its range": '[[check]]\nmeasure = "metrics/f1"\nperturb = { use = "robustness/typos", rate = 5 }\nexpect = { min = 0.8 }\n',
    "an option missing": '[[check]]\nmeasure = "metrics/f1"\nby = "fairness/column"\nexpect = { min = 0.8 }\n',
    "a perturbation of the wrong kind": '[[check]]\nmeasure = "metrics/f1"\nperturb = ["robustness/typos", "fairness/length"]\nexpect = { min = 0.8 }\n',
    "an empty composition": '[[check]]\nmeasure = "metrics/f1"\nperturb = []\nexpect = { min = 0.8 }\n',
    "an empty sweep": '[[check]]\nmeasure = "metrics/f1"\nperturb = { use = "robustness/typos", severity = [] }\nexpect = { min = 0.8 }\n',
    "a sweep with wrong steps": '[[check]]\nmeasure = "metrics/f1"\nperturb = { use = "robustness/typos", severity = [1, 9, "2", 1] }\nexpect = { min = 0.8 }\n',
    "a sweep of another option": '[[check]]\nmeasure = "metrics/f1"\nperturb = { use = "robustness/typos", rate = [0.1, 0.2] }\nexpect = { min = 0.8 }\n',
    "two sweeps": '[[check]]\nmeasure = "metrics/f1"\nperturb = [{ use = "robustness/typos", severity = [1, 2] }, { use = "robustness/typos", severity = [1, 2] }]\nexpect = { min = 0.8 }\n',
    "a sweep where there is no severity": '[[check]]\nmeasure = "metrics/f1"\nperturb = { use = "robustness/upper", severity = [1, 2] }\nexpect = { min = 0.8 }\n',
    "names of nothing": '[[check]]\nmeasure = "metrics/f1"\non = ["onx", "torch"]\ndata = "review"\nagainst = { backend = "tf", data = "trian" }\nexpect = { max_drop = 0.8 }\n',
    "on no backend": '[[check]]\nmeasure = "metrics/f1"\non = []\nexpect = { min = 0.8 }\n',
    "on a string": '[[check]]\nmeasure = "metrics/f1"\non = "onnx"\nexpect = { min = 0.8 }\n',
    "words of the wrong type": '[[check]]\nmeasure = "metrics/f1"\nexpect = { min = 0.8 }\nname = 3\ntags = "a"\ncritical = "no"\ngate = "points"\n',
    "a control character in a name": '[[check]]\nname = "a\\u001bb"\nmeasure = "metrics/f1"\nexpect = { min = 0.8 }\n',
    "two checks of one name": '[[check]]\nmeasure = "metrics/f1"\nexpect = { min = 0.8 }\n\n[[check]]\nmeasure = { use = "metrics/f1", average = "micro" }\nexpect = { min = 0.8 }\n\n[[check]]\nname = "metrics/f1"\nmeasure = "metrics/accuracy"\nexpect = { min = 0.8 }\n',
    "a number for expect": '[[check]]\nmeasure = "metrics/f1"\nexpect = 0.8\n',
    "an empty expect": '[[check]]\nmeasure = "metrics/f1"\nexpect = {}\n',
    "an expect without a bound": '[[check]]\nmeasure = "metrics/f1"\nexpect = { min_rows = 10 }\n',
    "unknown bounds": '[[check]]\nmeasure = "metrics/f1"\nexpect = { mn = 0.8, at_least = 0.9 }\n',
    "bounds of the wrong type": '[[check]]\nmeasure = "metrics/f1"\nexpect = { min = "0.8", max = true, max_drop = nan, max_rise = inf, min_rows = 2.5 }\n',
    "bounds out of range": '[[check]]\nmeasure = "metrics/f1"\nby = "fairness/length"\nexpect = { max_gap = -0.1, min_ratio = 1.5, min_rows = 0 }\n',
    "bounds that exclude each other": '[[check]]\nmeasure = "metrics/f1"\nexpect = { min = 0.9, max = 0.8, max_drop = -0.1, max_rise = 0.05 }\n',
    "bounds on a probe's number": '[[check]]\nmeasure = "metrics/f1"\nexpect.p95_ms = { max = 20 }\nexpect.min = 0.8\n',
    "groups without by": '[[check]]\nmeasure = "metrics/f1"\nexpect = { max_gap = 0.1, min_ratio = 0.8 }\n',
    "a measure of groups without by": '[[check]]\nmeasure = "fairness/parity-difference"\nexpect = { max = 0.1 }\n',
    "a gap of a measure of groups": '[[check]]\nmeasure = "fairness/parity-difference"\nby = "fairness/length"\nexpect = { max_gap = 0.1 }\n',
    "a drop from nothing": '[[check]]\nmeasure = "metrics/f1"\non = ["torch"]\nexpect = { max_drop = 0.1 }\n',
    "a comparison with nothing": '[[check]]\nmeasure = "parity/agreement"\non = ["torch"]\nexpect = { min = 0.9 }\n',
    "a drop of a comparison": '[[check]]\nmeasure = "parity/agreement"\nexpect = { max_drop = 0.1 }\n',
    "against without a use for it": '[[check]]\nmeasure = "metrics/f1"\nagainst = { backend = "torch" }\nexpect = { min = 0.9 }\n',
    "against itself": '[[check]]\nmeasure = "parity/agreement"\nagainst = { perturb = false }\nexpect = { min = 0.9 }\n',
    "against nothing": '[[check]]\nmeasure = "parity/agreement"\nagainst = {}\nexpect = { min = 0.9 }\n',
    "against perturbed rows": '[[check]]\nmeasure = "parity/agreement"\nagainst = { perturb = true }\nexpect = { min = 0.9 }\n',
    "against an earlier run": '[[check]]\nmeasure = "metrics/f1"\nagainst = { run = "release-1.2" }\nexpect = { max_drop = 0.1 }\n',
    "against an unknown word": '[[check]]\nmeasure = "parity/agreement"\nagainst = { backends = "torch" }\nexpect = { min = 0.9 }\n',
    "a measure of other answers": '[[check]]\nmeasure = "metrics/span-f1"\nexpect = { min = 0.8 }\n',
    "a probe's number that is not there": '[[check]]\nmeasure = "probes/latency"\nexpect.p59_ms = { max = 20 }\n',
    "a main number that a probe does not give": '[[check]]\nmeasure = "probes/latency"\nexpect = { max = 20 }\n',
    "a drop of a probe's number": '[[check]]\nmeasure = "probes/latency"\nexpect.p95_ms = { max_drop = 20, min = 3, max = 2 }\n',
    "a number of a probe without a bound": '[[check]]\nmeasure = "probes/latency"\nexpect.p95_ms = {}\n',
    "a drop of a probe": '[[check]]\nmeasure = "probes/tensors"\nexpect = { max_drop = 1, min_rows = 3 }\n',
    "groups for a probe": '[[check]]\nmeasure = "probes/latency"\nby = "fairness/length"\nexpect.p95_ms = { max = 20 }\n',
    "a probe against something": '[[check]]\nmeasure = "probes/latency"\nagainst = { backend = "torch" }\nexpect.p95_ms = { max = 20 }\n',
    "a probe with nothing to compare": '[[check]]\nmeasure = "probes/tensors"\non = ["torch"]\nexpect.ratio = { max = 20 }\n',
    "a probe of rows on a backend": '[[check]]\nmeasure = "probes/drift"\non = ["torch"]\nexpect = { max = 20 }\n',
    "a perturbation of another modality": '[[check]]\nmeasure = "metrics/f1"\nperturb = "robustness/blur"\nexpect = { min = 0.8 }\n',
    "a metric where the right answer is another": '[[check]]\nmeasure = "metrics/f1"\nperturb = ["robustness/upper", "robustness/deny"]\nexpect = { min = 0.8 }\n',
    "a broken plugin in many places": '[[check]]\nmeasure = "emoji/a"\nexpect = { min = 0.8 }\n[[check]]\nmeasure = "emoji/b"\nperturb = "emoji/c"\nexpect = { min = 0.8 }\n',
}

GOOD = '[[check]]\nname = "good"\nmeasure = "metrics/accuracy"\nexpect = { min = 0.8 }\n'


REPLAYED = """\
format = 1
[data.rows]
use = "datasets/file"
path = "rows.csv"
[backends.phone]
use = "replay/file"
path = "phone"
schema = "spans"
"""

OTHERS = {
    "nothing": "\n",
    "values for tables": "format = 1\nmodel = 1\ndata = 3\nbackends = []\ncheck = {}\n",
    "empty tables": "format = 1\ndata = {}\nbackends = {}\ncheck = []\n",
    "one check without its second bracket": f'{REPLAYED}[check]\nmeasure = "metrics/span-f1"\nexpect = {{ min = 0.8 }}\n',
    "a backend without a model": """\
format = 1
[data.rows]
use = "datasets/file"
path = "rows.csv"
[backends.torch]
use = "transformers/torch"
[[check]]
measure = "metrics/accuracy"
expect = { min = 0.8 }
""",
    "a replay of other answers": f'{REPLAYED}[[check]]\nmeasure = "metrics/accuracy"\nexpect = {{ min = 0.8 }}\n',
    "a replay with nothing to run": f'{REPLAYED}[[check]]\nmeasure = "probes/latency"\nexpect.p95_ms = {{ max = 1 }}\n',
    "spans before and after": f"""{REPLAYED}
[[check]]
measure = "parity/same-spans"
perturb = "robustness/upper"
against = {{ perturb = false }}
expect = {{ min = 0.8 }}
""",
    "one backend for a drop and a comparison": f"""{REPLAYED}
[[check]]
measure = "metrics/span-f1"
expect = {{ max_drop = 0.1, max_rise = 0.1 }}
[[check]]
measure = "parity/agreement"
expect = {{ min = 0.1 }}
""",
}


@pytest.mark.parametrize("mistake", TOP)
def test_messages_about_the_top_of_a_suite(problems, head, mistake, snapshot):
    rest = head.replace("format = 1\n", "") + GOOD
    assert problems(text=TOP[mistake] + rest) == snapshot


@pytest.mark.parametrize("mistake", TABLES)
def test_messages_about_the_tables_of_a_suite(problems, head, mistake, snapshot):
    kept = head[: head.index("[model]")] + head[head.index("[data") :] if "[model" in TABLES[mistake] else head
    assert problems(text=f"{kept}{TABLES[mistake]}{GOOD}") == snapshot


@pytest.mark.parametrize("mistake", CHECKS)
def test_messages_about_a_check(problems, mistake, snapshot):
    assert problems(CHECKS[mistake]) == snapshot


@pytest.mark.parametrize("mistake", OTHERS)
def test_messages_about_a_suite_that_cannot_run(problems, mistake, snapshot):
    assert problems(text=OTHERS[mistake]) == snapshot


def test_every_problem_of_a_suite_is_reported_at_once(problems, head):
    said = problems(text=head + "".join(CHECKS.values()))
    assert said.count("suite.toml:") > len(CHECKS)
