"""Sound plugins, and faults that are planted in them by replacing a piece of their source: one for each rule."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mqa_registry.testing import Trial

if TYPE_CHECKING:
    from collections.abc import Mapping

SHOUT = '''
from typing import Annotated
from annotated_types import Ge, Le
from mqa_registry import Perturbation, hookimpl

CALLS, SEEN = [], []

def shout(example, rng, *, severity: Annotated[float, Ge(0), Le(1)] = 1.0):
    """The words of a text in capitals.

    `severity` is the share of the words.
    """
    words = example["text"].split(" ")
    draws = rng.random(len(words))
    return {"text": " ".join(word.upper() if draw < severity else word for word, draw in zip(words, draws))}

@hookimpl
def mqa_perturbations():
    yield Perturbation("shout", shout, modality="text")
'''

TURN = '''
from mqa_registry import Perturbation, hookimpl

def turn(example, target, rng):
    """The columns of a table in another order."""
    row = example["columns"]
    return {"columns": {name: row[name] for name in sorted(row)}}, target

@hookimpl
def mqa_perturbations():
    yield Perturbation("turn", turn, modality="columns", target_effect="moves")
'''

SHARE = '''
import numpy as np
from mqa_registry import DataError, Metric, hookimpl

CALLS = []

def share(predictions, targets, *, sure: bool = False):
    """The share of rows that are right.

    `sure` takes their probability for it.
    """
    right = predictions.codes == targets.codes
    if not sure:
        return right
    if predictions.probabilities is None:
        raise DataError("the predictions have no probabilities")
    return predictions.probabilities.max(axis=1) * right

@hookimpl
def mqa_metrics():
    yield Metric("share", share, schemas=("label",), range=(0.0, 1.0), reads="rows")
'''

GAP = '''
import numpy as np
from mqa_registry import Metric, hookimpl

def gap(predictions, targets, groups):
    """How far the accuracy of groups lies apart."""
    right = predictions.codes == targets.codes
    rates = [right[rows].mean() for rows in groups.values() if len(rows)]
    return float(max(rates) - min(rates))

@hookimpl
def mqa_metrics():
    yield Metric("gap", gap, schemas=("label",), range=(0.0, 1.0))
'''

MOVED = '''
import numpy as np
from mqa_registry import Comparison, Evidence, ExampleRow, hookimpl

def moved(reference, candidate):
    """The mean distance between two numbers of a row."""
    return np.abs(reference.values - candidate.values)

def evidence(reference, candidate):
    row = int(np.argmax(moved(reference, candidate)))
    return Evidence(examples=[ExampleRow(reference.ids[row].as_py())])

def is_correct(targets, predictions):
    return np.abs(targets.values - predictions.values) < 0.1

@hookimpl
def mqa_comparisons():
    yield Comparison("moved", moved, schemas=("value",), evidence=evidence, is_correct=is_correct, range=(0.0, float("inf")))
'''

LENGTH = '''
from mqa_registry import Slice, hookimpl

CALLS, SEEN = [], []

def length(example, *, column: str = "text"):
    """How long a text is.

    `column` is the column of the texts.
    """
    text = example[column]
    if text is None:
        return None
    return "long" if len(text) > 30 else "short"

def columns(*, column: str = "text"):
    return [column]

@hookimpl
def mqa_slices():
    yield Slice("length", length, columns=columns)
'''

WORDS = '''
from contextlib import contextmanager
from dataclasses import dataclass, replace
import numpy as np
import pyarrow as pa
from mqa_registry import Backend, Codec, Model, ModelSource, NoOptions, RunnerFacts, Task, hookimpl

CALLS = []

class Source(ModelSource[NoOptions]):
    """A model that counts letters."""
    name = "source"

    def load(self, task, run_context, options):
        return Model(digest="letters", module=lambda: 1.0, processor=lambda: None)

class Letters(Task[NoOptions]):
    """How many letters a text has."""
    name = "letters"
    schema = "value"
    fields = {"text": "text"}
    metric = ""

    def bind(self, model, options):
        return Counts()

class Counts(Codec):
    """Texts as the codes of their letters."""
    padding_mask = "mask"

    def encode(self, examples):
        return [{"codes": np.array([ord(letter) for letter in example["text"]], np.int64)} for example in examples]

    def collate(self, rows):
        width = max(len(row["codes"]) for row in rows)
        codes = np.stack([np.pad(row["codes"], (0, width - len(row["codes"]))) for row in rows])
        return {"codes": codes, "mask": (codes > 0).astype(np.int64)}

    def decode(self, outputs, rows):
        return pa.table({"value": outputs["count"]})

    def cost(self, row):
        return len(row["codes"]) + 1

class Counter(Backend[NoOptions]):
    """NumPy that counts."""
    name = "counter"

    def identity(self, model_under_test, options):
        return {"numpy": np.__version__}

    @contextmanager
    def open(self, model_under_test, options):
        yield Runner(self.identity(model_under_test, options))

class Runner:
    """A counter, ready."""
    budget = 1024
    facts = RunnerFacts(device="cpu")

    def __init__(self, identity):
        self.identity = identity

    def run(self, batch):
        return {"count": batch["mask"].sum(axis=1).astype(np.float64)}

@hookimpl
def mqa_models():
    yield Source()

@hookimpl
def mqa_tasks():
    yield Letters()

@hookimpl
def mqa_backends():
    yield Counter()
'''

NUMBERS = '''
import pyarrow as pa
from mqa_registry import Dataset, TableSource, hookimpl

CALLS = []

def numbers(context, *, count: int = 5):
    """Some numbers in rows.

    `count` is how many.
    """
    table = pa.table({"number": list(range(count)), "text": [f"number {n}" for n in range(count)]})

    def read(columns, stop):
        names = [name for name in table.column_names if columns is None or name in columns]
        yield table.select(names)

    return TableSource(read, count)

@hookimpl
def mqa_datasets():
    yield Dataset("numbers", numbers)
'''


@dataclass(frozen=True)
class Planted:
    """A fault in a sound plugin: `old` in its source has become `new`, and `broken` is the one test that fails."""

    broken: str
    sound: str
    old: str
    new: str
    trials: Mapping[str, Trial] = field(default_factory=dict)


LOUD = Trial(golden=[({"text": "so good"}, {"text": "SO GOOD"})])
RIGHT = Trial(perfect=1.0, worst=0.0)
COUNTED = {
    "letters": Trial(model={"use": "planted/source"}, backend={"use": "planted/counter"}),
    "counter": Trial(model={"use": "planted/source", "task": "planted/letters"}),
}
LONG = Trial(golden=[({"text": "ok"}, "short")])
FAULTS = [
    # Declarations.
    Planted("planted-loads", SHOUT, "severity: Annotated[float, Ge(0), Le(1)]", "severity"),
    Planted("Shout_it-named", SHOUT, '"shout", shout', '"Shout_it", shout'),
    Planted("shout-documented", SHOUT, "The words of a text in capitals.", "Loud."),
    Planted("shout-options-documented", SHOUT, "`severity` is the share of the words.", "It has an option."),
    Planted("shout-options-valid", SHOUT, "= 1.0", "= 1.5"),
    Planted(
        "shout-picklable", SHOUT, '    yield Perturbation("shout", shout',
        '    def inner(example, rng):\n        """Nothing is changed in it."""\n        return example\n'
        '    yield Perturbation("shout", inner',
    ),
    # Perturbations.
    Planted("shout-works", SHOUT, 'return {"text":', 'return {"txt":'),
    Planted("shout-deterministic", SHOUT, "    words =", '    CALLS.append(1)\n    words = ["x" * len(CALLS)] +'),
    Planted(
        "shout-stateless", SHOUT, "    words = example",
        '    if example["text"] not in SEEN[-1:]:\n        SEEN.append(example["text"])\n    words = SEEN[-2:-1] + example',
    ),
    Planted("shout-input-kept", SHOUT, "    return {", '    example["text"] += "!"\n    return {'),
    Planted("shout-severity-nests", SHOUT, "draw < severity", "draw * severity < 0.3"),
    Planted("shout-empty-input", SHOUT, "    words =", '    example["text"][0]\n    words ='),
    Planted(
        "shout-foreign-input", SHOUT, "    words =", '    example["text"].replace("😀", "").encode("latin-1")\n    words =',
    ),
    Planted("shout-huge-input", SHOUT, "    words =", '    assert len(example["text"]) < 9999\n    words ='),
    Planted("shout-golden", SHOUT, "word.upper()", "word.title()", {"shout": LOUD}),
    Planted("turn-target-moved", TURN, ", target\n\n", ', target or "one"\n\n'),
    Planted("turn-missing-input", TURN, "    return", "    sum(v for v in row.values() if not isinstance(v, str))\n    return"),
    # Metrics.
    Planted("share-works", SHARE, "return right\n", "return right[1:]\n"),
    Planted(
        "share-deterministic", SHARE, "return right\n", "CALLS.append(1)\n        return right * (0.5 + 1 / (3 + len(CALLS)))\n",
    ),
    Planted("share-input-kept", SHARE, "    right =", "    predictions.probabilities[0] = 1\n    right ="),
    Planted("share-within-range", SHARE, "return right\n", "return right * 100.0\n"),
    Planted("gap-order-free", GAP, "    return float(", "    return float(right[:3].mean()) * float("),
    Planted("share-rows-apart", SHARE, "return right\n", "return right * (len(right) / (len(right) + 1))\n"),
    Planted(
        "share-single-row", SHARE, "return right\n", "assert len(right) > 1\n        return right\n",
    ),
    Planted(
        "share-labels-alone", SHARE, "    right =", "    predictions.probabilities.max()\n    right =",
    ),
    Planted("share-perfect", SHARE, "return right\n", "return np.where(right, 0.9, 0.0)\n", {"share": RIGHT}),
    Planted("share-worst", SHARE, "return right\n", "return np.where(right, 1.0, 0.1)\n", {"share": RIGHT}),
    Planted("gap-input-kept", GAP, "    rates", '    groups["all"] = groups["one"]\n    rates'),
    # Comparisons.
    Planted("moved-equal-predictions", MOVED, "    return np.abs(reference", "    return 1 + np.abs(reference"),
    Planted("moved-evidence", MOVED, "ExampleRow(reference.ids[row].as_py())", "ExampleRow(str(row))"),
    Planted("moved-correctness", MOVED, "< 0.1", "> 0.1"),
    # Slices.
    Planted("length-works", LENGTH, 'return "long"', 'return 7 if len(text) == 2 else "long"'),
    Planted("length-total", LENGTH, "    if text is None:\n        return None\n", ""),
    Planted(
        "length-deterministic", LENGTH, "    text =", '    CALLS.append(1)\n    return f"call {len(CALLS)}"\n    text =',
    ),
    Planted("length-order-free", LENGTH, "    text = example[column]", "    text = example[column]\n    SEEN.append(text)\n"
            "    if len(SEEN) % 6 == 1:\n        return 'first'"),
    Planted("length-input-kept", LENGTH, "    text =", '    example["age"] = 0\n    text ='),
    Planted("length-columns-declared", LENGTH, "    text =", '    example["country"]\n    text ='),
    Planted("length-golden", LENGTH, '"short"', '"brief"', {"length": LONG}),
    # Tasks.
    Planted("letters-works", WORDS, 'return len(row["codes"]) + 1', "return 0", COUNTED),
    Planted(
        "letters-rows-apart", WORDS, 'return [{"codes":', 'return [{"n": np.array(len(examples)), "codes":', COUNTED,
    ),
    Planted("letters-input-kept", WORDS, "        return [{", "        examples[0].update(seen=1)\n        return [{", COUNTED),
    Planted("letters-empty-input", WORDS, "        return [{", '        examples[0]["text"][0]\n        return [{', COUNTED),
    Planted(
        "letters-foreign-input", WORDS, "        return [{",
        '        examples[0]["text"].replace("😀", "").encode("latin-1")\n        return [{', COUNTED,
    ),
    Planted(
        "letters-huge-input", WORDS, "        return [{",
        '        assert len(examples[0]["text"]) < 9999\n        return [{', COUNTED,
    ),
    Planted("letters-decodes", WORDS, 'pa.table({"value": outputs', 'pa.table({"values": outputs', {"letters": COUNTED["letters"]}),
    # Backends.
    Planted("counter-works", WORDS, ".sum(axis=1).astype", ".sum(axis=0).astype", {"counter": COUNTED["counter"]}),
    Planted("counter-rows-apart", WORDS, 'batch["mask"].sum(axis=1)', '(batch["codes"] >= 0).sum(axis=1)', {"counter": COUNTED["counter"]}),
    Planted(
        "counter-input-kept", WORDS, '        return {"count":',
        '        batch["codes"][:] = 0\n        return {"count":', COUNTED,
    ),
    Planted("counter-identity", WORDS, 'return {"numpy": np.__version__}', 'return {"n": str(CALLS.append(1) or len(CALLS))}', COUNTED),
    Planted("counter-facts", WORDS, "budget = 1024", "budget = 0", COUNTED),
    # Data sets.
    Planted("numbers-works", NUMBERS, "yield table.select(names)", "yield table.select(names).to_pylist()"),
    Planted("numbers-repeats", NUMBERS, "    table =", "    CALLS.append(1)\n    count -= len(CALLS) % 2\n    table ="),
    Planted("numbers-columns-chosen", NUMBERS, "columns is None or name in columns", "True"),
    Planted("numbers-counted", NUMBERS, "TableSource(read, count)", "TableSource(read, count + 1)"),
]  # fmt: skip
PROCESS_FAULTS = [
    Planted("planted-imports-little", SHOUT, "from typing", "import torch\nfrom typing"),
    Planted("planted-prints-nothing", SHOUT, "    words =", "    print('shouting')\n    words ="),
    Planted("planted-forks-nothing", SHOUT, "    words =", "    import os\n    os.waitpid(os.fork() or os._exit(0), 0)\n    words ="),
    Planted("planted-keeps-generators", SHOUT, "    words =", "    import random\n    random.seed(0)\n    words ="),
    Planted(
        "planted-keeps-locale", SHOUT, "    words =",
        "    import locale\n    locale.setlocale(locale.LC_ALL, 'C.UTF-8' if locale.setlocale(locale.LC_ALL) == 'C' else 'C')\n    words =",
    ),
    Planted("planted-keeps-folder", SHOUT, "    words =", "    import os\n    os.chdir('/')\n    words ="),
    Planted("planted-keeps-environment", SHOUT, "    words =", "    import os\n    os.environ['SHOUT'] = '1'\n    words ="),
    Planted(
        "planted-keeps-signals", SHOUT, "    words =",
        "    import signal\n    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    words =",
    ),
    Planted("planted-keeps-settings", SHOUT, "    words =", "    import sys\n    sys.setrecursionlimit(5000)\n    words ="),
    Planted(
        "planted-leaves-no-thread", SHOUT, "    words =",
        "    import threading, time\n    threading.Thread(target=time.sleep, args=(60,), name='shouter', daemon=True).start()\n    words =",
    ),
    Planted(
        "planted-leaves-no-process", SHOUT, "    words =",
        "    import subprocess, sys\n    CALLS.append(subprocess.Popen([sys.executable, '-c', '']))\n    words =",
    ),
    Planted(
        "planted-patches-nothing", SHOUT, "    words =",
        "    import json\n    json.JSONEncoder.default = lambda self, value: str(value)\n    words =",
    ),
]  # fmt: skip
AT_IMPORT = Planted(
    "planted-keeps-environment", SHOUT, "CALLS, SEEN", "import os\nos.environ['SHOUT'] = '1'\nCALLS, SEEN"
)
ENDED = Planted("planted-survives", SHOUT, "    words =", "    import os\n    os._exit(7)\n    words =")
SOUND = {
    "shout": (SHOUT, {"shout": LOUD}),
    "turn": (TURN, {}),
    "share": (SHARE, {"share": RIGHT}),
    "gap": (GAP, {}),
    "moved": (MOVED, {}),
    "length": (LENGTH, {"length": LONG}),
    "words": (WORDS, COUNTED),
    "numbers": (NUMBERS, {}),
}
