"""Projects of plugins, as `mqa new` writes them: which names one can have, and the files of each kind."""

from mqa_registry.cli.project.files import KINDS, Project
from mqa_registry.cli.project.names import check_name

__all__ = ["KINDS", "Project", "check_name"]
