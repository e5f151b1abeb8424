"""The store: predictions by the key of all that they depend on, in a folder that mqa marked, with runs and exports."""

from mqa_registry.store.database import join_keys, split_keys
from mqa_registry.store.fallback import FallbackStore
from mqa_registry.store.folder import EXPORTS, RUNS, claim, is_store
from mqa_registry.store.opening import open_store
from mqa_registry.store.predictions import SqliteStore, TemporaryStore
from mqa_registry.store.protocol import Store
from mqa_registry.store.scratch import Scratch, open_scratch

__all__ = [
    "EXPORTS",
    "RUNS",
    "FallbackStore",
    "Scratch",
    "SqliteStore",
    "Store",
    "TemporaryStore",
    "claim",
    "is_store",
    "join_keys",
    "open_scratch",
    "open_store",
    "split_keys",
]
