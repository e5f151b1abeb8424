"""Tests for plugins: the rules that every plugin is held to.

The names in `__all__` are public, for the tests of plugins. No plugin imports them where it runs.
"""

from mqa_registry.testing.cases import Case, list_cases
from mqa_registry.testing.conformance import conformance
from mqa_registry.testing.rule import Outcome, Rule
from mqa_registry.testing.subject import Trial

__all__ = ["Case", "Outcome", "Rule", "Trial", "conformance", "list_cases"]
