"""The stamp of an ONNX file, a JSON file in its folder: its recipe, its audit, the digests of its bytes, and its verdicts.

Its `judgements` are those of runs, the newest of each suite on each backend: a suite that passes later hides none that
failed. An audit that found a problem is the first of them, for good. `verdict` is the worst; null until there is one.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.graph.onnx_file import file_sha256, read_onnx_file
from mqa_registry import DataError, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_onnxruntime.export.cache import Export
    from mqa_registry import Judgement, ModelUnderTest

FORMAT = 1
SEVERITY = (
    "FAIL",
    "ERROR",
    "INCONCLUSIVE",
    "PASS",
)  # the worst first: what failed outweighs what crashed elsewhere
JUDGEMENT_KEY = ("suite", "selection", "backend", "providers")  # of two with an equal key, the newer one counts
AUDIT = "audit"  # the name of the judgement that no run made
RERUN_HINT = "run the suite again, on the file as it is now"
OWN_MODEL_HINT = "test it with the model that it was exported from, or export this one"


def stamp_file(path: Path) -> Path:
    """The path of an ONNX file's stamp: `model.mqa.json` beside `model.onnx`."""
    return path.with_suffix(".mqa.json")


def export_stamp(model_under_test: ModelUnderTest, export: Export) -> dict[str, Any]:
    """The content of an export's stamp; its verdict is null until a run judged it."""
    about = dict(model_under_test.model.about)
    if "commit" not in about:
        about.pop("id", None)  # a folder of this machine
    return {
        "format": FORMAT,
        "file": export.path.name,
        "sha256": export.facts["sha256"],
        "files": export.audit["files"],
        "model": {"digest": model_under_test.model.digest, **about},
        "task": model_under_test.task.name,
        "exporter": export.exporter,
        "opset": export.facts["opset"],
        "precision": export.recipe.get("precision", "float32"),
        "recipe": export.recipe,
        **_judge_audit(export.audit["findings"]),
        "audit": export.audit,
    }


def _judge_audit(findings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The verdict and judgements of an audit: a problem in it is a failure that no suite takes away."""
    problems = [finding["message"] for finding in findings if finding["level"] == "problem"]
    judgements = [{"verdict": "FAIL", "name": AUDIT, "problems": problems}] if problems else []
    return {"verdict": judgements[0] if judgements else None, "judgements": judgements}


def is_stamped(path: Path) -> bool:
    """Whether an ONNX file has a stamp that can be read."""
    try:
        return "recipe" in _read(stamp_file(path))
    except (DataError, LookupError):
        return False


def unchanged_files(path: Path) -> list[str]:
    """The names of an ONNX file and the files beside it whose digests are those of its stamp."""
    try:
        files = _read(stamp_file(path)).get("files", {})
        return [name for name, one in files.items() if _has_digest(path.parent / name, name, one["sha256"])]
    except (DataError, LookupError, TypeError, AttributeError):
        return []


def _has_digest(file: Path, name: str, sha256: str) -> bool:
    return file.name == name and file.is_file() and file_sha256(file) == sha256


def check_stamp(path: Path, sha256: str) -> None:
    """Raise a DataError where a file is not the one that its stamp was made for; a file need not have a stamp."""
    file = stamp_file(path)
    if not file.is_file() or (stamp := _read(file))["sha256"] == sha256:
        return
    renamed = stamp.get("file", path.name) != path.name
    raise DataError(
        f"`{path}` is not the file that its stamp `{file.name}` was made for: it was"
        f" {'renamed or ' if renamed else ''}changed since",
        hint="export the model again, or remove the stamp and its verdict",
    )


def write_verdict(identity: Mapping[str, str], judgement: Judgement, path: Path | None) -> Iterator[Finding]:
    """Add a judgement to the stamp of a given file; a file without a stamp stays without."""
    if path is None or not (file := stamp_file(path)).is_file():
        return
    missed = f"the stamp `{file}` does not get this run's verdict {judgement.verdict}"
    try:
        with locked_folder(path.parent):
            stamp = _read(file)
            if why := _describe_change(path, stamp, identity):
                yield Finding("warning", judgement.backend, f"{missed}: {why}", RERUN_HINT)
                return
            if _is_of_another_model(stamp, judgement):
                why = "the suite has another model than the file was exported from"
                yield Finding("warning", judgement.backend, f"{missed}: {why}", OWN_MODEL_HINT)
                return
            stamp |= _with_judgement(stamp, judgement, identity)
            write_stamp(file, stamp)
    except (DataError, OSError) as error:
        why = error.message if isinstance(error, DataError) else (error.strerror or str(error)).lower()
        yield Finding("warning", judgement.backend, f"{missed}: {why}", "see that it can be written, and run again")
        return
    yield _report_verdict(file, stamp["verdict"], judgement)


def write_stamp(file: Path, stamp: Mapping[str, Any]) -> None:
    """Write a stamp, whole or not at all."""
    target = file.resolve()
    temporary = target.with_name(f".{target.name}.tmp")
    temporary.unlink(missing_ok=True)  # a link of that name must not be followed
    try:
        temporary.write_text(json.dumps(stamp, indent=2) + "\n", encoding="utf-8")
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Hold the one lock for writing stamps in a folder; it leaves no file, and ends with its process."""
    try:
        import fcntl
    except ImportError:  # a system without such locks, where one of two judgements at once may be lost
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _read(file: Path) -> dict[str, Any]:
    """The content of a stamp; a DataError where it is none."""
    try:
        stamp: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        has_verdicts = all(one["verdict"] in SEVERITY for one in stamp.get("judgements", []))
        if has_verdicts and isinstance(stamp["sha256"], str) and isinstance(stamp.get("model", {}), dict):
            return stamp
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"the stamp `{file}` cannot be read", hint="export the model again") from error
    raise DataError(f"the stamp `{file}` cannot be read", hint="export the model again")


def _describe_change(path: Path, stamp: Mapping[str, Any], identity: Mapping[str, str]) -> str:
    """That the file or its stamp is another one than when the run began, in words; empty where they are the same."""
    try:
        now = read_onnx_file(path).sha256()
    except DataError:
        now = ""
    same = identity.get("onnx") == now == stamp["sha256"]
    return "" if same else f"`{path.name}` was changed while it was judged"


def _is_of_another_model(stamp: Mapping[str, Any], judgement: Judgement) -> bool:
    """Whether the suite tests another model than the file was made of."""
    return bool(stamp.get("model", {}).get("digest", judgement.model) != judgement.model)


def _with_judgement(stamp: Mapping[str, Any], judgement: Judgement, identity: Mapping[str, str]) -> dict[str, Any]:
    """All judgements, the newest last, and the worst of them: of equals the newest."""
    own: dict[str, Any] = json.loads(json.dumps(asdict(judgement))) | {"providers": identity.get("providers", "")}
    own.pop("model")  # the stamp has it
    others = [one for one in stamp.get("judgements", []) if any(one.get(key) != own[key] for key in JUDGEMENT_KEY)]
    return {"verdict": _worst([own, *reversed(others)]), "judgements": [*others, own]}


def _worst(judgements: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    return min(judgements, key=lambda one: SEVERITY.index(one["verdict"]))


def _report_verdict(file: Path, worst: Mapping[str, Any], judgement: Judgement) -> Finding:
    """The verdict of the stamp now, which may be worse than that of this run."""
    if worst["verdict"] == judgement.verdict:
        return Finding("note", judgement.backend, f"its stamp `{file}` says {judgement.verdict}")
    if "run" not in worst:
        return Finding(
            "warning",
            judgement.backend,
            f"its stamp `{file}` has this {judgement.verdict} in it, and says {worst['verdict']}: its {AUDIT} found a"
            " problem when it was exported",
            "export the model again, and fix what `mqa export` says then",
        )
    return Finding(
        "warning",
        judgement.backend,
        f"its stamp `{file}` has this {judgement.verdict} in it, and says {worst['verdict']}: the suite"
        f" `{worst.get('name', '')}` came to that in run `{worst.get('run', '')}`",
        "run that suite again, or export the model again for a stamp without a verdict",
    )
