"""Rows of which several make one example: put together when they are read, and refused by the row that does not fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from mqa_registry import DataError, Dataset, Grouping, RunContext, UsageError
from mqa_registry import plan as plans
from mqa_registry.contributions import Perturbation, Slice
from mqa_registry.execution import load_rows
from mqa_registry.execution.rows import grouped_rows
from mqa_registry.execution.rows.row_sets import apply_perturbations
from mqa_registry.execution.rows.shards import SHARD_ROWS, cut
from mqa_registry.suite import Data, ModelUse, Use
from mqa_registry.types import Rows
from tests.stand_ins import make_source, make_task

RANK = Grouping(("text", "member"), has_member_targets=True)
FIELDS = {"query": "text", "text": "text", "member": "name"}
COLUMNS = {"group": "query_id", "text": "passage", "member": "passage_id", "target": "relevance"}
TABLE = pa.table(
    {
        "query_id": [1, 2, 1, 3, 3, 2],
        "query": ["one", "two", "one", "three", "three", "two"],
        "passage": ["a", "b", "c", "d", "e", "f"],
        "passage_id": ["pa", "pb", "pc", "pa", "pe", "pf"],
        "relevance": [1, 0, 0, 0, 2, 1],
        "language": ["en", "de", "en", "en", "en", "de"],
        "source": ["web", "web", "book", "web", "web", "web"],
    }
)


def with_column(name, values):
    return TABLE.set_column(TABLE.column_names.index(name), name, pa.array(values))


@pytest.fixture
def load(engine, tmp_path):
    """The rows of a data set of candidates, for a task that ranks those of one query."""

    def load(table=TABLE, grouping=RANK, columns=COLUMNS, **rest):
        task = make_task(name="rank", fields=FIELDS, optional=("member",), grouping=grouping)
        any_column = Use("letters/any", Slice("any", lambda example: None))  # so that all columns are read
        suite = engine.suite(engine.check(by=any_column))
        model = ModelUse(Use("letters/letters", make_source(engine.letters.model)), Use("letters/rank", task))
        data = Data("words", Use("letters/table", Dataset("table", lambda context: table)), columns=columns, **rest)
        plan = plans.make(replace(suite, model=model, data={"words": data}))
        return load_rows(plan, RunContext(exports=tmp_path))["words"]

    return load


def refused(load, *arguments, **options):
    with pytest.raises(DataError) as caught:
        load(*arguments, **options)
    return caught.value.message


# Groups


def test_the_rows_of_a_group_are_one_example_wherever_they_stand(load):
    rows = load()
    assert rows.ids.to_pylist() == ["1", "2", "3"]
    assert list(rows.examples()) == [
        {"query": "one", "text": ["a", "c"], "member": ["pa", "pc"]},
        {"query": "two", "text": ["b", "f"], "member": ["pb", "pf"]},
        {"query": "three", "text": ["d", "e"], "member": ["pa", "pe"]},
    ]
    relevant = [[("pa", 1)], [("pf", 1)], [("pe", 2)]]  # by their names, with their relevance
    targets = rows.table.column("target").to_pylist()
    assert [[(one["id"], one["relevance"]) for one in each] for each in targets] == relevant
    assert list(rows.numbers) == [1, 2, 4]  # of their first rows


def test_rows_that_are_sorted_by_group_give_the_same_examples(load):
    assert load(TABLE.sort_by("query_id")).table.select(FIELDS).equals(load().table.select(FIELDS))


def test_other_columns_are_of_the_group_where_members_agree_in_all_groups_else_they_are_lists(load):
    table = load().table
    assert table.column("language").to_pylist() == ["en", "de", "en"]
    assert table.column("source").to_pylist() == [["web", "book"], ["web", "web"], ["web", "web"]]


def test_a_target_may_be_of_the_group(load):
    table = with_column("relevance", ["yes", "no", "yes", "yes", "yes", "no"])
    assert load(table, Grouping(("text", "member"))).table.column("target").to_pylist() == ["yes", "no", "yes"]
    assert "row 3 of the data set `words` has another `target` than row 1 of the same group, `1`" in refused(
        load, grouping=Grouping(("text", "member"))
    )


def test_rows_that_have_lists_are_groups_as_they_stand(load):
    nested = load().table
    again = load(nested, columns={})
    assert again.table.select(["id", *FIELDS]).equals(nested.select(["id", *FIELDS]))
    unnamed = load(nested.drop_columns(["id"]).append_column("group", nested.column("id")), columns={})
    assert unnamed.ids.to_pylist() == ["1", "2", "3"]


@pytest.mark.parametrize("shape", [{"limit": 2}, {"sample": 2}, {"sample": 2, "limit": 1}])
@pytest.mark.parametrize("nested", [False, True])
def test_samples_and_limits_count_groups_and_cut_none(load, shape, nested):
    table, columns = (load().table, {}) if nested else (TABLE, COLUMNS)
    rows = load(table, columns=columns, **shape)
    assert len(rows) == shape.get("limit", 2)
    whole = {row["id"]: row for row in load().table.select(["id", *FIELDS]).to_pylist()}
    assert [whole[row["id"]] for row in rows.table.to_pylist()] == rows.table.select(["id", *FIELDS]).to_pylist()


def test_a_group_of_ten_thousand_members_is_one_row_of_one_shard(load):
    size = 10_000
    table = pa.table(
        {
            "query_id": ["big"] * size + ["small"] * 2,
            "query": ["q"] * size + ["r"] * 2,
            "passage": [f"passage {row}" for row in range(size + 2)],
            "passage_id": list(range(size + 2)),
            "relevance": [0] * (size + 2),
        }
    )
    rows = load(table)
    assert [len(row["text"]) for row in rows.examples()] == [size, 2]
    assert [(shard.start, shard.stop) for shard in cut("words", rows, 1)] == [(0, 2)]
    assert SHARD_ROWS > 2


# Bad input


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (with_column("query_id", [1, 2, None, 3, 3, 2]), "has 1 row without a `group`, row 3 first"),
        (with_column("query", ["one", "two", "uno", "three", "three", "two"]), "row 3 of the data set `words` has another `query` than row 1 of the same group, `1`"),
        (with_column("passage_id", ["pa", "pb", "pc", "pe", "pe", "pf"]), "the group `3`, from row 4 of the data set `words` on, has the member `pe` more than once"),
        (TABLE.slice(0, 5), "the group `2`, from row 2 of the data set `words` on, has 1 member, and `rank` takes 2 or more"),
        (with_column("passage", ["a", None, "c", "d", "e", "f"]), "has 1 row (row 2) without a value in `text`"),
        (TABLE.drop_columns(["query_id"]), "has no column `query_id`"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_by_its_row(load, table, message):
    assert message in refused(load, table)


def test_a_data_set_that_does_not_say_what_belongs_together_is_refused(load):
    columns = {name: column for name, column in COLUMNS.items() if name != "group"}
    assert refused(load, columns=columns) == "the data set `words` has no column `group`"


def test_a_pair_has_two_members(load):
    pair = Grouping(("text",), min_members=2, max_members=2)
    columns = {"group": "query_id", "text": "passage", "target": "language"}
    assert len(load(grouping=pair, columns=columns)) == 3
    table = with_column("query_id", [1, 2, 1, 1, 2, 2])
    table = table.set_column(1, "query", pa.array(["one", "two", "one", "one", "two", "two"]))
    message = refused(load, table, pair, columns | {"target": "query"})
    assert message.endswith("has 3 members, and `rank` takes 2 to 2")


def test_an_id_of_rows_and_of_groups_is_one_too_many(load):
    assert "maps both `id` and `group`" in refused(load, columns={**COLUMNS, "id": "passage_id"})


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"text": [["a"], ["b", None]]}, "row 2 of the data set `words` has a member without a value in `text`"),
        ({"text": [["a"], ["b"]]}, "row 1 of the data set `words` has 1 member"),
        ({"text": [["a", "b"], ["c", "d"]], "member": [["x", "y"], ["x"]]}, "row 2 of the data set `words` has 2 values in `text` and 1 in `member`"),
        ({"text": [["a", "b"], ["c", "d"]], "member": ["x", "y"]}, "has lists in `text` and none in `member`"),
        ({"text": [["a", "b"], []]}, "row 2 of the data set `words` has 0 members"),
    ],
)  # fmt: skip
def test_lists_that_do_not_fit_are_named_by_their_row(load, columns, message):
    assert message in refused(load, pa.table({"query": ["q", "r"], **columns}), columns={})


def test_checks_hold_for_the_last_of_many_groups(load, monkeypatch):
    monkeypatch.setattr(grouped_rows, "CHECKED_GROUPS", 1)
    assert "`3`" in refused(load, with_column("passage_id", ["pa", "pb", "pc", "pe", "pe", "pf"]))


# Perturbing


def shout(example, rng):
    return {name: text.upper() for name, text in example.items()}


def mark(example, rng):
    return {name: [(0, 0, "*")] for name in example}


def decline_long(example, rng):
    return None if len(example) > 3 else example


def perturb(rows, function, **options):
    task = make_task(name="rank", fields=FIELDS, optional=("member",), grouping=RANK)
    use = Use("test/change", Perturbation("change", function, modality="text", **options))
    return apply_perturbations(rows, [use], task, 7)


@pytest.mark.parametrize(("function", "options"), [(shout, {}), (mark, {"edits": True})])
def test_a_perturbation_changes_the_text_of_the_group_and_of_each_member(load, function, options):
    perturbed = perturb(load(), function, **options)
    first = next(iter(perturbed.rows.examples()))
    changed = str.upper if function is shout else "*{}".format
    assert first == {"query": changed("one"), "text": [changed("a"), changed("c")], "member": ["pa", "pc"]}
    assert perturbed.changed == 3
    assert perturbed.edits == pytest.approx((3 + 3 + 5 + 6) / 3 if function is shout else 3)
    assert perturbed.rows.table.schema == load().table.schema


def test_a_row_is_declined_as_a_whole_and_counted(load):
    rows = load()
    longer = rows.table.to_pylist()[:1]
    longer[0] |= {"text": ["a", "b", "c"], "member": ["x", "y", "z"], "id": "long"}
    table = pa.concat_tables([rows.table, pa.Table.from_pylist(longer, rows.table.schema)])
    perturbed = perturb(Rows(table, rows.fields), decline_long)
    assert (len(perturbed.rows), perturbed.declined, perturbed.changed) == (3, 1, 0)


def test_members_are_perturbed_by_one_generator(load):
    def draw(example, rng):
        return {name: f"{text}{rng.integers(1000)}" for name, text in example.items()}

    perturbed = perturb(load(), draw)
    first = next(iter(perturbed.rows.examples()))
    assert len({np.char.strip(text, "abcdefonetw") for text in [first["query"], *first["text"]]} - {""}) > 1
    assert first == next(iter(perturb(load().take([0]), draw).rows.examples()))


def test_spans_of_each_member_stay_where_no_perturbation_can_move_them(load):
    rows = load()
    spans = pa.array([[[{"start": 0, "end": 1}], []]] * 3)
    table = rows.table.set_column(rows.table.column_names.index("target"), "target", spans)
    with pytest.raises(UsageError, match="spans of each member's text"):
        perturb(Rows(table, rows.fields), mark, edits=True)
