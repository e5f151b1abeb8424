"""The stamp of an ONNX file, beside it: what it was made of, what was found in it, and by which bytes to know it.

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

from mqa_onnxruntime.graph import file_sha256, read_graph
from mqa_registry import DataError, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_onnxruntime.exports import Export
    from mqa_registry import Judgement, Subject

FORMAT = 1
WORST = ("FAIL", "ERROR", "INCONCLUSIVE", "PASS")  # first: what was shown to fail fails, whatever crashed elsewhere
SAME = ("suite", "part", "backend", "providers")  # what two judgements share, of which the newer one counts
AUDIT = "audit"  # the name of the judgement that no run made
AGAIN = "run the suite again, on the file as it is now"
OWN = "hold it against the model that it was made of, or export this one"


def stamp_file(path: Path) -> Path:
    """Where the stamp of an ONNX file is: `model.mqa.json` beside `model.onnx`."""
    return path.with_suffix(".mqa.json")


def stamp(subject: Subject, export: Export) -> dict[str, Any]:
    """What is written down of an export; its verdict is null until somebody judged it."""
    about = dict(subject.model.about)
    if "commit" not in about:
        about.pop("id", None)  # a folder of this machine
    return {
        "format": FORMAT,
        "file": export.path.name,
        "sha256": export.facts["sha256"],
        "files": export.audit["files"],
        "model": {"digest": subject.model.digest, **about},
        "task": subject.task.name,
        "exporter": export.exporter,
        "opset": export.facts["opset"],
        "precision": export.made_of.get("precision", "float32"),
        "recipe": export.made_of,
        **_by_audit(export.audit["findings"]),
        "audit": export.audit,
    }


def _by_audit(findings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the audit comes to: a problem in it is a failure that no suite takes away."""
    problems = [finding["message"] for finding in findings if finding["level"] == "problem"]
    judged = [{"verdict": "FAIL", "name": AUDIT, "problems": problems}] if problems else []
    return {"verdict": judged[0] if judged else None, "judgements": judged}


def is_stamped(path: Path) -> bool:
    """Whether beside an ONNX file there is a stamp that can be read."""
    try:
        return "recipe" in _read(stamp_file(path))
    except (DataError, LookupError):
        return False


def stamped_files(path: Path) -> list[str]:
    """The files beside an ONNX file, itself among them, that its stamp was made for and that nobody changed since."""
    try:
        told = _read(stamp_file(path)).get("files", {})
        return [name for name, one in told.items() if _is(path.parent / name, name, one["sha256"])]
    except (DataError, LookupError, TypeError, AttributeError):
        return []


def _is(file: Path, name: str, sha256: str) -> bool:
    return file.name == name and file.is_file() and file_sha256(file) == sha256


def check_stamp(path: Path, sha256: str) -> None:
    """That a file is still the one that its stamp was made for; one without a stamp is no other."""
    beside = stamp_file(path)
    if not beside.is_file() or (told := _read(beside))["sha256"] == sha256:
        return
    renamed = told.get("file", path.name) != path.name
    raise DataError(
        f"`{path}` is not the file that its stamp `{beside.name}` was made for: it was"
        f" {'renamed or ' if renamed else ''}changed since",
        hint="export the model again, or remove the stamp with all that it says",
    )


def write_verdict(identity: Mapping[str, str], judgement: Judgement, *, path: Path | None = None) -> Iterator[Finding]:
    """Write into the stamp of a given file how it was judged; a file without one stays without."""
    if path is None or not (beside := stamp_file(path)).is_file():
        return
    missed = f"the stamp `{beside}` does not say that this run came to {judgement.verdict}"
    try:
        with alone(path.parent):
            told = _read(beside)
            if why := _changed(path, told, identity):
                yield Finding("warning", judgement.backend, f"{missed}: {why}", AGAIN)
                return
            if _stranger(told, judgement):
                why = "the suite has another model than the file was made of"
                yield Finding("warning", judgement.backend, f"{missed}: {why}", OWN)
                return
            told |= _judged(told, judgement, identity)
            write_stamp(beside, told)
    except (DataError, OSError) as error:
        why = error.message if isinstance(error, DataError) else (error.strerror or str(error)).lower()
        yield Finding("warning", judgement.backend, f"{missed}: {why}", "see that it can be written, and run again")
        return
    yield _standing(beside, told["verdict"], judgement)


def write_stamp(beside: Path, told: Mapping[str, Any]) -> None:
    """Whole or not at all."""
    place = beside.resolve()
    coming = place.with_name(f".{place.name}.coming")
    coming.unlink(missing_ok=True)  # a link there must not lead elsewhere
    try:
        coming.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
        coming.replace(place)
    finally:
        coming.unlink(missing_ok=True)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody else writes stamps in a folder for as long as this lasts; nothing is left behind, even by who is killed."""
    try:
        import fcntl
    except ImportError:  # a system without such locks, where one of two judgements at once may be lost
        yield
        return
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def _read(beside: Path) -> dict[str, Any]:
    """What a stamp says; a DataError where it is none."""
    try:
        told: dict[str, Any] = json.loads(beside.read_text(encoding="utf-8"))
        judged = all(one["verdict"] in WORST for one in told.get("judgements", []))
        if judged and isinstance(told["sha256"], str) and isinstance(told.get("model", {}), dict):
            return told
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"the stamp `{beside}` cannot be read", hint="export the model again") from error
    raise DataError(f"the stamp `{beside}` cannot be read", hint="export the model again")


def _changed(path: Path, told: Mapping[str, Any], identity: Mapping[str, str]) -> str:
    """That the file or its stamp is another one than when the run began, in words."""
    try:
        now = read_graph(path).sha256()
    except DataError:
        now = ""
    same = identity.get("onnx") == now == told["sha256"]
    return "" if same else f"`{path.name}` was changed while it was judged"


def _stranger(told: Mapping[str, Any], judgement: Judgement) -> bool:
    """Whether the suite is about another model than the file was made of."""
    return bool(told.get("model", {}).get("digest", judgement.model) != judgement.model)


def _judged(told: Mapping[str, Any], judgement: Judgement, identity: Mapping[str, str]) -> dict[str, Any]:
    """All judgements, the newest last, and the worst of them: of equals the newest."""
    own = asdict(judgement) | {"providers": identity.get("providers", "")}
    own.pop("model")  # the stamp has it
    others = [one for one in told.get("judgements", []) if any(one.get(word) != own[word] for word in SAME)]
    return {"verdict": _worst([own, *reversed(others)]), "judgements": [*others, own]}


def _worst(judgements: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    return min(judgements, key=lambda one: WORST.index(one["verdict"]))


def _standing(beside: Path, worst: Mapping[str, Any], judgement: Judgement) -> Finding:
    """What the stamp says now, which may be worse than this run."""
    if worst["verdict"] == judgement.verdict:
        return Finding("note", judgement.backend, f"its stamp `{beside}` says {judgement.verdict}")
    if "run" not in worst:
        return Finding(
            "warning",
            judgement.backend,
            f"its stamp `{beside}` has this {judgement.verdict} in it, and says {worst['verdict']}: its {AUDIT} found a"
            " problem when it was exported",
            "export the model again, and mend what `mqa export` says then",
        )
    return Finding(
        "warning",
        judgement.backend,
        f"its stamp `{beside}` has this {judgement.verdict} in it, and says {worst['verdict']}: the suite"
        f" `{worst.get('name', '')}` came to that in run `{worst.get('run', '')}`",
        "run that suite again, or export the model again for a stamp that nobody judged yet",
    )
