"""Tests for plugins: the rules that every plugin is held to, suites that run in a test, and small examples.

The names in `__all__` are public, for the tests of plugins. No plugin imports them where it runs.
"""

from mqa_registry.testing.cases import Case, list_cases
from mqa_registry.testing.conformance import conformance
from mqa_registry.testing.examples import make_inputs
from mqa_registry.testing.predictions import make_pair
from mqa_registry.testing.rule import Outcome, Rule
from mqa_registry.testing.subject import Trial
from mqa_registry.testing.suite_runs import run_suite

__all__ = ["Case", "Outcome", "Rule", "Trial", "conformance", "list_cases", "make_inputs", "make_pair", "run_suite"]
