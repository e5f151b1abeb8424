"""The store: predictions kept by what they depend on, so that nothing is predicted twice."""

from mqa_registry.store.folder import EXPORTS, RUNS, claim, is_store
from mqa_registry.store.packing import joined, split
from mqa_registry.store.sqlite import Store

__all__ = ["EXPORTS", "RUNS", "Store", "claim", "is_store", "joined", "split"]
