"""Predicting: the only costly step, and the only one that touches models, files and the store."""

from mqa_registry.predict.observations import Disturbed, Failure, Observations, Observed, Sighted, Work
from mqa_registry.predict.progress import Progress, Silence
from mqa_registry.predict.run import load_rows, predict, prepare
from mqa_registry.predict.subject import remake, reopen, subject_of

__all__ = [
    "Disturbed",
    "Failure",
    "Observations",
    "Observed",
    "Progress",
    "Sighted",
    "Silence",
    "Work",
    "load_rows",
    "predict",
    "prepare",
    "remake",
    "reopen",
    "subject_of",
]
