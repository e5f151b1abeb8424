"""The store: predictions by the key of all that they depend on, in a folder that mqa marked, with runs and exports."""

from mqa_registry.store.database import join_keys, split_keys
from mqa_registry.store.folder import EXPORTS, RUNS, claim, is_store
from mqa_registry.store.predictions import Store

__all__ = ["EXPORTS", "RUNS", "Store", "claim", "is_store", "join_keys", "split_keys"]
