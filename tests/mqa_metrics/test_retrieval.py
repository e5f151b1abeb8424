"""What queries find in a corpus: every number as trec_eval computes it, and by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st

from mqa_metrics import exact_search, ranks
from mqa_metrics.retrieval import Retrieval, RetrievalOptions
from mqa_registry import DataError, Predictions, ProbeContext, ViewContext
from mqa_registry.types import Rows

K = 5
MEASURES = {
    "value": f"ndcg_cut_{K}",
    "recall": f"recall_{K}",
    "precision": f"P_{K}",
    "hit_rate": f"success_{K}",
    "mrr": "recip_rank",
    "map": "map",
}


def make_view(ids, vectors, target=None):
    columns = {"id": ids, "text": ids} | ({} if target is None else {"target": target})
    predictions = Predictions("vector", pa.table({"id": ids, "vector": pa.array(vectors, pa.list_(pa.float32()))}))
    return ViewContext("torch", Rows(pa.table(columns), ("text",)), predictions)


def make_context(queries, corpus):
    return ProbeContext(queries, np.random.default_rng(0), corpus)


def measure(queries, corpus, **options):
    """Every number a query, and the table that they are made of."""
    table = Retrieval().observe(make_context(queries, corpus), RetrievalOptions(**options))
    numbers = Retrieval().numbers(table)
    return {name: np.atleast_1d(getattr(one, "values", one)) for name, one in numbers.items()}, table


def unit(angle):
    return [float(np.cos(np.radians(angle))), float(np.sin(np.radians(angle)))]


CORPUS = make_view(["a", "b", "c", "d"], [unit(0), unit(20), unit(50), unit(90)])


def test_by_hand():
    # The query at 5 degrees finds a, b, c, d in this order: its relevant rows stand second and fourth.
    queries = make_view(["q"], [unit(5)], [["b", "d"]])
    numbers, table = measure(queries, CORPUS, k=3)
    ideal = 1 + 1 / np.log2(3)
    expected = {"value": 1 / np.log2(3) / ideal, "recall": 1 / 2, "precision": 1 / 3, "hit_rate": 1, "mrr": 1 / 2}
    expected |= {"map": (1 / 2 + 2 / 4) / 2, "coverage": 3 / 4}
    assert {name: values.item() for name, values in numbers.items()} == pytest.approx(expected)
    assert table["first"].to_pylist() == [["a", "b", "c"]]
    evidence = Retrieval().evidence(table)
    assert evidence.remarks == ["1 of 1 queries have no relevant row as their first result"]
    assert (evidence.examples[0].id, evidence.examples[0].details) == ("q", {"first": ["a", "b", "c"], "rank": 2})


@given(st.integers(0, 10_000))
def test_every_number_is_that_of_trec_eval(seed):
    rng = np.random.default_rng(seed)
    corpus, queries = rng.normal(size=(25, 4)), rng.normal(size=(4, 4))
    ids = [f"d{number}" for number in range(25)]
    relevances = [
        {ids[row]: int(rng.integers(0, 4)) for row in rng.choice(25, size=rng.integers(1, 7), replace=False)}
        for _ in queries
    ]
    names = [f"q{number}" for number in range(4)]
    target = [[{"id": name, "relevance": grade} for name, grade in one.items()] for one in relevances]
    numbers, table = measure(make_view(names, queries.tolist(), target), make_view(ids, corpus.tolist()), k=K)
    cosines = queries @ corpus.T / np.linalg.norm(queries, axis=1)[:, None] / np.linalg.norm(corpus, axis=1)
    run = {name: dict(zip(ids, map(float, line), strict=True)) for name, line in zip(names, cosines, strict=True)}
    oracle = pytrec_eval.RelevanceEvaluator(
        dict(zip(names, relevances, strict=True)), {"ndcg_cut", "recall", "P", "success", "recip_rank", "map"}
    ).evaluate(run)
    for row, name in enumerate(table["id"].to_pylist()):
        if any(grade > 0 for grade in relevances[row].values()):
            found = {number: numbers[number][row] for number in MEASURES}
            assert found == pytest.approx({number: oracle[name][key] for number, key in MEASURES.items()})
        else:
            assert all(np.isnan(numbers[number][row]) for number in MEASURES)


def test_a_model_to_which_all_is_alike_finds_nothing():
    same = make_view(["a", "b", "c"], [[1.0, 1.0]] * 3)
    numbers, _ = measure(make_view(["q"], [[1.0, 1.0]], [["a"]]), same, k=1)
    assert numbers["recall"].tolist() == [0.0]
    assert numbers["mrr"].tolist() == [1 / 3]


def test_rows_without_a_vector_are_not_found_and_find_nothing():
    corpus = make_view(["a", "b"], [None, unit(0)])
    queries = make_view(["q", "r"], [unit(0), None], [["a"], ["b"]])
    numbers, table = measure(queries, corpus, k=2)
    assert numbers["recall"].tolist() == [0.0, 0.0]
    assert table["first"].to_pylist() == [["b"], []]


def test_a_query_that_nothing_is_relevant_to_is_ignored_and_one_that_nobody_judged_is_left_out():
    queries = make_view(["q", "r", "s"], [unit(0)] * 3, [["a"], [], None])
    numbers, table = measure(queries, CORPUS, k=1)
    assert table["id"].to_pylist() == ["q", "r"]
    assert numbers["recall"][0] == 1.0
    assert np.isnan(numbers["recall"][1])


def test_a_relevant_row_that_the_corpus_lacks_is_not_found():
    numbers, _ = measure(make_view(["q"], [unit(0)], [["a", "gone"]]), CORPUS, k=2)
    assert numbers["recall"].tolist() == [0.5]
    assert numbers["map"].tolist() == [0.5]


def test_lengths_count_for_a_dot_product_alone():
    corpus = make_view(["a", "b"], [unit(0), [5.0, 5.0]])
    queries = make_view(["q"], [unit(10)], [["a"]])
    assert measure(queries, corpus, k=1)[0]["recall"].tolist() == [1.0]
    assert measure(queries, corpus, k=1, similarity="dot")[0]["recall"].tolist() == [0.0]


def test_blocks_change_no_number(monkeypatch):
    rng = np.random.default_rng(1)
    ids = [f"d{number}" for number in range(40)]
    corpus = make_view(ids, rng.normal(size=(40, 3)).tolist())
    queries = make_view(ids[:20], rng.normal(size=(20, 3)).tolist(), [[name] for name in ids[:20]])
    _, whole = measure(queries, corpus)
    monkeypatch.setattr(exact_search, "BLOCK_BYTES", 4 * 40 * 3)
    monkeypatch.setattr(exact_search, "BLOCK_ROWS", 7)
    _, parts = measure(queries, corpus)
    assert parts.equals(whole)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ([["x"]], "the corpus has none of the 1 rows that are relevant, `x` among them"),
        ([[0.5, 1.0]], "the targets of the queries are vectors"),
        ([["a", "a"]], "row 1 has the relevant id `a` twice"),
    ],
)
def test_wrong_targets_are_refused_before_anything_is_predicted(target, said):
    queries = ViewContext("torch", Rows(pa.table({"id": ["q"], "text": ["q"], "target": target}), ("text",)))
    with pytest.raises(DataError, match=said):
        Retrieval().check(make_context(queries, CORPUS), RetrievalOptions())


@given(st.permutations(range(1, 31)), st.integers(1, 40))
def test_no_rounding_makes_more_of_a_perfect_result(order, k):
    assert ranks.ndcg(np.array(order, float), np.ones(len(order)), k) <= 1
