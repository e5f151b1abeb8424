"""`--model-card FILE` and `metrics/claimed`: what a run measured goes into a card, and a card is held to what is measured."""

from __future__ import annotations

import json

import pytest
from huggingface_hub import ModelCard

CLAIMED = """
[[check]]
measure = { use = "metrics/claimed", card = "README.md" }
expect = { max = 0.04 }
"""
CARD = """---
license: mit
model-index:
- name: reviews
  results:
  - task: {{type: text-classification}}
    dataset: {{type: reviews, name: Reviews}}
    metrics:
    - {{type: accuracy, value: {accuracy}, name: Accuracy}}
    - {{type: f1, value: {f1}, args: {{average: macro}}}}
---
# reviews
"""


def run(project, accuracy, f1):
    (project.folder / "README.md").write_text(CARD.format(accuracy=accuracy, f1=f1), encoding="utf-8")
    return project.run("--json", "-")


def test_a_suite_holds_a_model_to_its_card(project):
    project.write(CLAIMED)
    held = run(project, 0.89, 89)
    assert held.code == 0, held.err
    old = held.json["results"][0]
    assert (old["measure"], old["definition"]) == ({"use": "metrics/claimed", "card": "README.md"}, "claimed/1")
    assert set(old["groups"]) == {"accuracy 0.89", "f1 macro 0.89"}
    numbers = old["groups"]["accuracy 0.89"]["numbers"]
    assert numbers["claimed"]["estimate"] == 0.89
    assert (numbers["measured"]["method"], numbers["value"]["method"]) == ("exact", "exact")
    assert numbers["value"]["high"] == pytest.approx(0.89 - numbers["measured"]["low"])
    overstated = run(project, 0.89, 99)  # the card alone differs
    assert overstated.code == 1
    assert overstated.json["results"][0]["note"].startswith("value in `f1 macro 0.99` is 0.0")
    assert [one["verdict"] for one in overstated.json["results"]] == ["FAIL", "FAIL"]
    judged = project.mqa("judge", held.json["run"], "-q")
    assert judged.code == 0  # the claims are those of the run


def test_a_suite_whose_card_claims_nothing_does_not_validate(project):
    project.write(CLAIMED)
    (project.folder / "README.md").write_text("# reviews\n", encoding="utf-8")
    for command in ("validate", "run"):
        done = project.mqa(command, "suite.toml")
        assert done.code == 2
        assert "suite.toml:16:19: the model card `README.md` has no `model-index`, and so claims no number" in done.err
    project.write(CLAIMED.replace(', card = "README.md"', ""))
    done = project.mqa("validate", "suite.toml")
    assert done.code == 2
    assert "no backend runs a model that could have a card" in done.err


def test_a_report_goes_into_the_card_of_its_model_and_nothing_is_lost(project):
    project.write('[[check]]\nmeasure = "metrics/accuracy"\nexpect = { min = 0.5 }\n')
    report = project.run("--json", "-").json
    report["environment"]["model"] = {"id": "models/reviews", "task": "text-classification"}
    (project.folder / "report.json").write_text(json.dumps(report))
    card = project.folder / "README.md"
    card.write_text(CARD.format(accuracy=0.5, f1=0.5), encoding="utf-8")
    for _ in range(2):  # an earlier report is replaced, and is never removed first
        done = project.mqa("report", "report.json", "--model-card", "README.md", "-q")
        assert done.code == 0, done.err
    read = ModelCard.load(card)
    assert (read.data.license, read.text) == ("mit", "# reviews\n")
    estimate = report["results"][0]["numbers"]["value"]["estimate"]
    assert [(one.metric_type, one.metric_value) for one in read.data.eval_results] == [
        ("f1", 0.5),
        ("accuracy", estimate),
    ]
    printed = project.mqa("report", "report.json", "--model-card", "-", "-q")
    assert printed.out.startswith("---\nmodel-index:\n- name: reviews\n")


def test_a_file_that_cannot_be_amended_is_left_as_it_is(project):
    project.write('[[check]]\nmeasure = "metrics/accuracy"\nexpect = { min = 0.5 }\n')
    report = project.run("--json", "-").json
    report["environment"]["model"] = {"id": "models/reviews", "task": "text-classification"}
    (project.folder / "report.json").write_text(json.dumps(report))
    contents = {
        b"\xff\xfe": "is no text in UTF-8, and a report is to be put into it",
        b"---\na: [\n---\n": "cannot be read: while parsing",
    }
    for content, words in contents.items():
        (project.folder / "README.md").write_bytes(content)
        done = project.mqa("report", "report.json", "--model-card", "README.md", "--force")
        assert words in done.err
        assert (project.folder / "README.md").read_bytes() == content
