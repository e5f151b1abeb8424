"""The metrics of this plugin as contributions."""

from __future__ import annotations

import math

from mqa_metrics.answers import answer_f1, best_answer_f1, exact_match, no_answer_accuracy
from mqa_metrics.boxes import box_map, box_recall
from mqa_metrics.classification import (
    accuracy,
    balanced_accuracy,
    f1,
    false_positive_rate,
    mcc,
    precision,
    recall,
    selection_rate,
    true_positive_rate,
)
from mqa_metrics.exposure import coverage, exposure_gini, popularity_lift
from mqa_metrics.instances import instance_map, instance_recall
from mqa_metrics.masked_tokens import masked_loss, masked_top_k, pseudo_perplexity
from mqa_metrics.masks import boundary_f1, dice, mean_iou, pixel_accuracy
from mqa_metrics.multi_label import hamming_loss, label_ranking_average_precision, ranking_loss
from mqa_metrics.probability import MAX_LOG_LOSS, brier, ece, log_loss, top_k_accuracy
from mqa_metrics.ranked_lists import hit_rate, mean_average_precision, mrr, ndcg, precision_at_k, recall_at_k
from mqa_metrics.ranking import auroc
from mqa_metrics.regression import (
    explained_variance,
    mae,
    mean_error,
    median_absolute_error,
    mse,
    pearson,
    r2,
    rmse,
    spearman,
)
from mqa_metrics.spans import span_f1, span_precision, span_recall, token_accuracy
from mqa_registry import Metric

LABEL = ("label",)
LABELS = ("labels",)
VALUE = ("value",)
CLASS_SCHEMAS = ("label", "labels", "spans")
SPANS = ("spans",)
BOXES = ("boxes",)
MASKS = ("masks",)
INSTANCES = ("instances",)
ANSWER = ("answer",)
RANKING = ("ranking",)
TOKENS = ("tokens",)
SHARE = (0.0, 1.0)
CORRELATION = (-1.0, 1.0)
ERROR = (0.0, math.inf)

METRICS = (
    Metric("accuracy", accuracy, schemas=("label", "labels", "spans", "text"), range=SHARE, reads="rows"),
    Metric("balanced-accuracy", balanced_accuracy, schemas=LABEL, range=SHARE, reads="counts"),
    Metric("precision", precision, schemas=CLASS_SCHEMAS, range=SHARE, reads="counts"),
    Metric("recall", recall, schemas=CLASS_SCHEMAS, range=SHARE, reads="counts"),
    Metric("f1", f1, schemas=CLASS_SCHEMAS, range=SHARE, reads="counts"),
    Metric("span-precision", span_precision, schemas=SPANS, range=SHARE, reads="counts"),
    Metric("span-recall", span_recall, schemas=SPANS, range=SHARE, reads="counts"),
    Metric("span-f1", span_f1, schemas=SPANS, range=SHARE, reads="counts"),
    Metric("token-accuracy", token_accuracy, schemas=SPANS, range=SHARE, reads="counts"),
    Metric("box-map", box_map, schemas=BOXES, range=SHARE),
    Metric("box-recall", box_recall, schemas=BOXES, range=SHARE),
    Metric("instance-map", instance_map, schemas=INSTANCES, range=SHARE),
    Metric("instance-recall", instance_recall, schemas=INSTANCES, range=SHARE),
    Metric("mean-iou", mean_iou, schemas=MASKS, range=SHARE, reads="counts"),
    Metric("pixel-accuracy", pixel_accuracy, schemas=MASKS, range=SHARE, reads="counts"),
    Metric("dice", dice, schemas=MASKS, range=SHARE, reads="counts"),
    Metric("boundary-f1", boundary_f1, schemas=MASKS, range=SHARE, reads="rows"),
    Metric("exact-match", exact_match, schemas=ANSWER, range=SHARE, reads="rows"),
    Metric("answer-f1", answer_f1, schemas=ANSWER, range=SHARE, reads="rows"),
    Metric("no-answer-accuracy", no_answer_accuracy, schemas=ANSWER, range=SHARE, reads="rows"),
    Metric("best-answer-f1", best_answer_f1, schemas=ANSWER, range=SHARE),
    Metric("masked-loss", masked_loss, schemas=TOKENS, range=ERROR),
    Metric("pseudo-perplexity", pseudo_perplexity, schemas=TOKENS, range=(1.0, math.inf)),
    Metric("masked-top-k", masked_top_k, schemas=TOKENS, range=SHARE),
    Metric("mcc", mcc, schemas=LABEL, range=(-1.0, 1.0), reads="counts"),
    Metric("log-loss", log_loss, schemas=LABEL, range=(0.0, MAX_LOG_LOSS)),
    Metric("brier", brier, schemas=LABEL, range=(0.0, 2.0), reads="rows"),
    Metric("top-k-accuracy", top_k_accuracy, schemas=LABEL, range=SHARE, reads="rows"),
    Metric("ece", ece, schemas=LABEL, range=SHARE),
    Metric("auroc", auroc, schemas=("label", "labels"), range=SHARE),
    Metric("selection-rate", selection_rate, schemas=LABEL, range=SHARE, reads="rows"),
    Metric("true-positive-rate", true_positive_rate, schemas=LABEL, range=SHARE, reads="rows"),
    Metric("false-positive-rate", false_positive_rate, schemas=LABEL, range=SHARE, reads="rows"),
    Metric("hamming-loss", hamming_loss, schemas=LABELS, range=SHARE, reads="rows"),
    Metric("ranking-loss", ranking_loss, schemas=LABELS, range=SHARE, reads="rows"),
    Metric(
        "label-ranking-average-precision", label_ranking_average_precision, schemas=LABELS, range=SHARE, reads="rows"
    ),
    Metric("ndcg", ndcg, schemas=RANKING, range=SHARE, reads="rows"),
    Metric("recall-at-k", recall_at_k, schemas=RANKING, range=SHARE, reads="rows"),
    Metric("precision-at-k", precision_at_k, schemas=RANKING, range=SHARE, reads="rows"),
    Metric("hit-rate", hit_rate, schemas=RANKING, range=SHARE, reads="rows"),
    Metric("mrr", mrr, schemas=RANKING, range=SHARE, reads="rows"),
    Metric("map", mean_average_precision, schemas=RANKING, range=SHARE, reads="rows"),
    Metric("coverage", coverage, schemas=RANKING, range=SHARE),
    Metric("exposure-gini", exposure_gini, schemas=RANKING, range=SHARE),
    Metric("popularity-lift", popularity_lift, schemas=RANKING),
    Metric("mae", mae, schemas=VALUE, range=ERROR),
    Metric("mse", mse, schemas=VALUE, range=ERROR),
    Metric("rmse", rmse, schemas=VALUE, range=ERROR),
    Metric("median-absolute-error", median_absolute_error, schemas=VALUE, range=ERROR),
    Metric("mean-error", mean_error, schemas=VALUE),
    Metric("r2", r2, schemas=VALUE, range=(-math.inf, 1.0)),
    Metric("explained-variance", explained_variance, schemas=VALUE, range=(-math.inf, 1.0)),
    Metric("pearson", pearson, schemas=VALUE, range=CORRELATION),
    Metric("spearman", spearman, schemas=VALUE, range=CORRELATION),
)
