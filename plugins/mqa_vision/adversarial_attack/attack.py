"""The attack on a sample of a view's images, by the gradient of the model that one backend runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from annotated_types import Ge

from mqa_registry import DataError, NotRunError, read_target_labels, row_generator, run_in_halves, run_rows, shapes
from mqa_vision.adversarial_attack.gradient_attacks import Ball, Norm, fgsm, pgd
from mqa_vision.adversarial_attack.pixel_scale import PixelScale

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from mqa_registry import Batching, Codec, EncodedRow, ModelUnderTest, ProbeContext, ViewContext

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]
    Floats: TypeAlias = npt.NDArray[np.float64]

Method: TypeAlias = Literal["fgsm", "pgd"]

STEPS = 10
EPSILON = {"linf": 8 / 255, "l2": 0.5}
ROWS_AT_ONCE = 64
MEMORY_OF_GRADIENT = 4  # times that of a forward pass, roughly: what every module gives is kept


@dataclass(frozen=True, kw_only=True)
class GradientAttackOptions:
    """Which attack, how far it goes, and on how many rows.

    `method` is `fgsm`, one step along the sign of the gradient, or `pgd`, `steps` of 2.5 `epsilon` / `steps` from a random
    start, 10 of them if left out. `epsilon` is the largest change of any value by the `norm` `linf`, or by `l2` the root of
    the sum of squares of all changes of an image as the model is fed it; values go from 0 (black) to 1 (white). Left out, it
    is 8/255 by `linf`, and 0.5 by `l2`. `rows` with a target are drawn from the view by the suite's seed.
    """

    method: Method = "pgd"
    norm: Norm = "linf"
    epsilon: Annotated[float, Ge(0.0)] | None = None
    steps: Annotated[int, Ge(1)] | None = None
    rows: Annotated[int, Ge(1)] = 100

    def __post_init__(self) -> None:
        if self.method == "fgsm" and self.steps is not None:
            raise DataError("`fgsm` has one step, and `steps` is given", hint='take it out, or `method = "pgd"`')

    @property
    def ball(self) -> Ball:
        return Ball(self.norm, EPSILON[self.norm] if self.epsilon is None else self.epsilon)


@runtime_checkable
class SupportsGradients(Protocol):
    """A runner that gives the gradient of each row's loss by one of its inputs, in the direction of the cross-entropy's.

    An attack makes use of the direction alone.
    """

    def loss_gradient(self, batch: Arrays, name: str, classes: npt.NDArray[np.int64]) -> npt.NDArray[Any]: ...


@dataclass(frozen=True)
class AttackRecord:
    """One row: its target, and what is predicted for it as it is and as it is attacked. None is NaN or Inf.

    A row that the attacked backend predicts wrong as it is has not been changed. The labels of the candidate are those that
    another backend gives to the same inputs; None where there is no other.
    """

    id: str
    target: str
    label: str | None
    attacked_label: str | None
    candidate_label: str | None = None
    candidate_attacked_label: str | None = None


@dataclass(frozen=True)
class Classifier:
    """A view's runner, with the codec that reads its outputs."""

    view: ViewContext
    codec: Codec
    batching: Batching

    def predict(self, rows: Sequence[Arrays]) -> list[str | None]:
        """The label of each encoded row."""
        runner = self.view.runner
        outputs = run_rows(self.codec, runner.run, rows, self.batching, runner.budget)
        labels: list[str | None] = self.codec.decode(outputs, rows).column("label").to_pylist()
        return labels


@dataclass(frozen=True)
class Attack:
    """The attack on one classifier, of which another may be fed the same inputs."""

    attacked: Classifier
    candidate: Classifier | None
    scale: PixelScale
    labels: Sequence[str]
    options: GradientAttackOptions
    seed: int

    def run(self, rows: Sequence[EncodedRow], targets: Mapping[str, str]) -> list[AttackRecord]:
        """A record for each of the rows, which have one shape; in halves where memory runs out."""
        return run_in_halves(lambda some: list(self._run(some, targets)), rows)

    def _run(self, rows: Sequence[EncodedRow], targets: Mapping[str, str]) -> Iterator[AttackRecord]:
        arrays = [row.arrays for row in rows]
        before = self.attacked.predict(arrays)
        right = [index for index, row in enumerate(rows) if before[index] == targets[row.id]]
        fed = list(arrays)
        for index, changed in zip(right, self._change([rows[index] for index in right], targets), strict=True):
            fed[index] = changed
        after = self.attacked.predict(fed)
        theirs: list[list[str | None]] = [[None] * len(rows)] * 2
        if self.candidate is not None:
            theirs = [self.candidate.predict(arrays), self.candidate.predict(fed)]
        for row, *labels in zip(rows, before, after, *theirs, strict=True):
            yield AttackRecord(row.id, targets[row.id], *labels)

    def _change(self, rows: Sequence[EncodedRow], targets: Mapping[str, str]) -> list[Arrays]:
        """The inputs of rows, with the image of each as the attack changes it."""
        if not rows:
            return []
        name, scale, codec, runner = self.scale.name, self.scale, self.attacked.codec, self.attacked.view.runner
        assert isinstance(runner, SupportsGradients)
        batch = codec.collate([row.arrays for row in rows])
        inputs = batch[name]
        classes = np.array([self.labels.index(targets[row.id]) for row in rows], np.int64)
        pixels = scale.to_pixels(inputs)

        def gradient(moved: Floats) -> Floats:
            changed = {**batch, name: scale.change(inputs, moved - pixels)}
            # By pixels in place of inputs: each channel has its own deviation, which decides on the direction by `l2`.
            return runner.loss_gradient(changed, name, classes).astype(np.float64) * (scale.white - scale.black)

        ball = self.options.ball
        if self.options.method == "fgsm":
            moved = fgsm(pixels, gradient, ball)
        else:
            moved = pgd(
                pixels, gradient, ball, self.options.steps or STEPS, [row_generator(self.seed, row.id) for row in rows]
            )
        changed = scale.change(inputs, moved - pixels)
        return [{**row.arrays, name: one} for row, one in zip(rows, changed, strict=True)]


def attack_rows(
    context: ProbeContext, attacked: ViewContext, options: GradientAttackOptions, candidate: ViewContext | None = None
) -> Iterator[AttackRecord]:
    """The records of a sample of the rows of the context's view, by the gradient of the backend of `attacked`."""
    model_under_test = _require_classifier(context)
    attack = Attack(
        _open_attacked(context, attacked),
        None
        if candidate is None
        else Classifier(candidate, candidate.codec or model_under_test.codec, context.batching),
        PixelScale.measure(model_under_test.codec, _find_image(model_under_test)),
        model_under_test.model.labels,
        options,
        seed=int(context.rng.integers(2**62)),
    )
    drawn, targets = _draw_rows(context, options.rows)
    for start in range(0, len(drawn), ROWS_AT_ONCE):
        rows = list(context.encode(context.view.take(drawn[start : start + ROWS_AT_ONCE])))
        for batch in _batches(attack.attacked, rows):
            yield from attack.run(batch, targets)
        context.progress(start + len(rows), len(drawn))


def _require_classifier(context: ProbeContext) -> ModelUnderTest:
    """The model under test; a NotRunError where there is none, or it does not give one label a row."""
    if context.model_under_test is None:
        raise NotRunError("there is no model to attack", hint="give the suite a `[model]`")
    task = context.model_under_test.task
    if task.schema != "label":
        raise NotRunError(
            f"an attack needs a model that gives an image one label, and `{task.name}` gives {task.schema}",
            hint="attack a model for image classification",
        )
    return context.model_under_test


def _find_image(model_under_test: ModelUnderTest) -> str:
    """The field with the image; a NotRunError where a row has none, or something else with it."""
    fields = model_under_test.task.fields
    images = [name for name, modality in fields.items() if modality == "image"]
    if len(fields) != 1 or len(images) != 1:
        listed = ", ".join(f"`{name}`" for name in fields)
        raise NotRunError(
            f"a row of `{model_under_test.task.name}` is {listed}, and an attack changes rows of one image",
            hint="attack a model for image classification; of text, `robustness/adversarial`",
        )
    return images[0]


def _open_attacked(context: ProbeContext, view: ViewContext) -> Classifier:
    """The classifier that is attacked; a NotRunError where its backend gives no gradients."""
    assert context.model_under_test is not None
    if not isinstance(view.runner, SupportsGradients):
        raise NotRunError(
            f"backend `{view.backend}` gives no gradients, along which an attack goes",
            hint="PyTorch does: name its backend in `on`, or put it first for `vision/transfer`",
        )
    return Classifier(view, view.codec or context.model_under_test.codec, context.batching)


def _draw_rows(context: ProbeContext, size: int) -> tuple[list[int], dict[str, str]]:
    """The positions of a random sample of the rows with a target, and their targets by id."""
    assert context.model_under_test is not None
    rows = context.view.rows
    targets = read_target_labels(rows, context.model_under_test.model.labels)
    known = [position for position, target in enumerate(targets) if target is not None]
    if not known:
        raise NotRunError("no row has a target, and an attack leads away from it", hint="give the data a `target`")
    drawn = context.rng.permutation(known)[:size].tolist()
    ids = map(str, rows.take(drawn).ids.to_pylist())
    return drawn, {row: target for row, position in zip(ids, drawn, strict=True) if (target := targets[position])}


def _batches(attacked: Classifier, rows: Sequence[EncodedRow]) -> Iterator[Sequence[EncodedRow]]:
    """The rows in batches whose images have one size."""
    codec, batching = attacked.codec, attacked.batching
    rule = batching.rule if batching.rule == "single" else "equal length"
    return replace(batching, rule=rule).batches(
        sorted(rows, key=lambda row: -codec.cost(row.arrays)),
        max(1, attacked.view.runner.budget // MEMORY_OF_GRADIENT),
        cost=lambda row: codec.cost(row.arrays),
        shape=lambda row: shapes(row.arrays),
    )
