"""Metrics of rankings: as trec_eval computes them, by hand, and as a search by vectors has them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st

from mqa_metrics import ranked_lists
from mqa_metrics.ranked_lists import hit_rate, mean_average_precision, mrr, ndcg, precision_at_k, recall_at_k
from mqa_metrics.retrieval import Retrieval, RetrievalOptions
from mqa_registry import Predictions, ProbeContext, ViewContext, make_rankings
from mqa_registry.types import Rows

RELEVANT = pa.list_(pa.struct([("id", pa.string()), ("relevance", pa.float64())]))
K = 5
MEASURES = {
    "ndcg": (lambda *pair: ndcg(*pair, k=K), f"ndcg_cut_{K}"),
    "recall": (lambda *pair: recall_at_k(*pair, k=K), f"recall_{K}"),
    "precision": (lambda *pair: precision_at_k(*pair, k=K), f"P_{K}"),
    "hit rate": (lambda *pair: hit_rate(*pair, k=K), f"success_{K}"),
    "mrr": (mrr, "recip_rank"),
    "map": (mean_average_precision, "map"),
}


def predict(rankings, scores=None):
    columns = {"id": [f"u{row}" for row in range(len(rankings))], "ranking": pa.array(rankings, pa.list_(pa.string()))}
    if scores is not None:
        columns["scores"] = pa.array(scores, pa.list_(pa.float64()))
    return Predictions("ranking", pa.table(columns))


def want(*rows):
    """Targets, each a dict of relevances by name, or None."""
    lists = [row if row is None else [{"id": name, "relevance": grade} for name, grade in row.items()] for row in rows]
    return Predictions(
        "ranking", pa.table({"id": [f"u{n}" for n in range(len(rows))], "ranking": pa.array(lists, RELEVANT)})
    )


def test_by_hand():
    pair = predict([[*"abcdefg"]]), want({"b": 1.0, "g": 1.0})
    ideal = 1 + 1 / np.log2(3)
    found = {name: measure(*pair).item() for name, (measure, _) in MEASURES.items()}
    assert found == pytest.approx(
        {
            "ndcg": 1 / np.log2(3) / ideal, "recall": 1 / 2, "precision": 1 / 5, "hit rate": 1, "mrr": 1 / 2,
            "map": (1 / 2 + 2 / 7) / 2,
        }
    )  # fmt: skip


def draw(seed):
    """Scores of ten things for three rows, no two the same, and how relevant some things are, one of them unknown to all."""
    rng = np.random.default_rng(seed)
    names = [f"i{number}" for number in range(10)]
    scores = [dict(zip(names, rng.permutation(10) / 3, strict=True)) for _ in range(3)]
    wanted = [
        {name: int(rng.integers(0, 4)) for name in rng.choice([*names, "gone"], size=rng.integers(1, 6), replace=False)}
        for _ in scores
    ]
    return scores, wanted


@given(st.integers(0, 10_000), st.booleans())
def test_every_number_is_that_of_trec_eval(seed, has_scores):
    scores, wanted = draw(seed)
    ranked = make_rankings([np.array([*row.values()]) for row in scores], [np.array([*row]) for row in scores])
    pair = predict(ranked["ranking"].to_pylist(), ranked["scores"].to_pylist() if has_scores else None), want(*wanted)
    ids = pair[0].ids.to_pylist()
    oracle = pytrec_eval.RelevanceEvaluator(
        dict(zip(ids, wanted, strict=True)), {"ndcg_cut", "recall", "P", "success", "recip_rank", "map"}
    )
    run = {name: {key: float(value) for key, value in row.items()} for name, row in zip(ids, scores, strict=True)}
    expected = oracle.evaluate(run)
    for name, (measure, key) in MEASURES.items():
        found = measure(*pair)
        for row, query in enumerate(ids):
            if any(grade > 0 for grade in wanted[row].values()):
                assert found[row] == pytest.approx(expected[query][key]), name
            else:
                assert np.isnan(found[row])


@given(st.integers(0, 10_000))
def test_a_search_by_vectors_has_the_same_numbers(seed):
    """Of vectors with one number each, the similarity to a query of 1 is the score."""
    scores, wanted = draw(seed)
    row, relevant = {name: float(value) for name, value in scores[0].items()}, wanted[0]
    views = [
        ViewContext(
            "torch",
            Rows(pa.table({"id": ids, "text": ids} | target), ("text",)),
            Predictions("vector", pa.table({"id": ids, "vector": pa.array(vectors, pa.list_(pa.float32()))})),
        )
        for ids, vectors, target in (
            (["q"], [[1.0]], {"target": [[{"id": name, "relevance": grade} for name, grade in relevant.items()]]}),
            ([*row], [[value] for value in row.values()], {}),
        )
    ]
    if not {name for name, grade in relevant.items() if grade > 0} & row.keys():
        return
    table = Retrieval().observe(
        ProbeContext(views[0], np.random.default_rng(0), views[1]), RetrievalOptions(k=K, similarity="dot")
    )
    numbers = Retrieval().numbers(table)
    ranked = sorted(row, key=lambda name: -row[name])
    pair = predict([ranked], [[row[name] for name in ranked]]), want(relevant)
    for name, key in {
        "ndcg": "value",
        "recall": "recall",
        "precision": "precision",
        "mrr": "mrr",
        "map": "map",
    }.items():
        assert MEASURES[name][0](*pair).item() == pytest.approx(numbers[key].values.item())


def test_what_scores_as_high_as_a_relevant_thing_stands_before_it():
    pair = predict([["a", "b", "c"]], [[1.0, 1.0, 1.0]]), want({"a": 1.0})
    assert mrr(*pair).tolist() == [1 / 3]
    assert hit_rate(*pair, k=2).tolist() == [0]
    assert mrr(predict([["a", "b", "c"]]), pair[1]).tolist() == [1]  # without scores, it is taken as it is
    two = want({"a": 1.0, "c": 1.0})
    assert mean_average_precision(pair[0], two).tolist() == pytest.approx([(1 / 2 + 2 / 3) / 2])


def test_rows_to_which_nothing_is_relevant_are_ignored_and_an_empty_ranking_finds_nothing():
    pair = predict([["a"], ["a"], []]), want({}, {"a": 0.0}, {"a": 1.0})
    for measure, _ in MEASURES.values():
        found = measure(*pair)
        assert np.isnan(found[:2]).all()
        assert found[2] == 0


def test_blocks_change_no_number(monkeypatch):
    drawn = [draw(seed) for seed in range(3)]
    scores, wanted = ([row for one in drawn for row in one[side]] for side in (0, 1))
    ranked = make_rankings([np.array([*row.values()]) for row in scores], [np.array([*row]) for row in scores])
    pair = predict(ranked["ranking"].to_pylist(), ranked["scores"].to_pylist()), want(*wanted)
    whole = ndcg(*pair)
    monkeypatch.setattr(ranked_lists, "BLOCK_ROWS", 2)
    assert ndcg(*pair).tolist() == pytest.approx(whole.tolist(), nan_ok=True)
