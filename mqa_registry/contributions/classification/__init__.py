"""Classifiers, whatever they read: what a model is for, and how its outputs are read as classes, labels or a number."""

from mqa_registry.contributions.classification.heads import ClassifierHead, SingleLabelHead
from mqa_registry.contributions.classification.problem_type import read_problem_type
from mqa_registry.contributions.classification.task import ClassificationTask, ClassifierOptions

__all__ = ["ClassificationTask", "ClassifierHead", "ClassifierOptions", "SingleLabelHead", "read_problem_type"]
