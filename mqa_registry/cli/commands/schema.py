"""`mqa schema`: the JSON Schema of the suite file."""

from __future__ import annotations

import json
from typing import Annotated

from mqa_registry.run_options import RunOptions, flags


def schema(options: Annotated[RunOptions, flags("plugin_files")]) -> None:
    """Print the JSON Schema of the suite file, with the options of every plugin that is installed."""
    from mqa_registry.plugins import load_all
    from mqa_registry.reports.output import output
    from mqa_registry.suite import json_schema

    print(json.dumps(json_schema(load_all(files=options.plugin_files)), indent=2, ensure_ascii=False), file=output())
