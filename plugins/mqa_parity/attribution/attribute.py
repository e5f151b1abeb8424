"""Attribution of a difference: from a reference, a candidate and batches to the first faulty module and its cause."""

from __future__ import annotations

import re
from contextlib import nullcontext
from dataclasses import replace
from math import inf, isfinite
from typing import TYPE_CHECKING, Any, TypeAlias

from mqa_parity.attribution.anonymous_graph import attribute_by_numbers
from mqa_parity.attribution.between_modules import attribute_after_modules, find_gap
from mqa_parity.attribution.dynamic_axes import (
    collect_weight_sizes,
    combine_batches,
    disambiguate_sequence_axis,
    find_frozen_after_crash,
    find_frozen_rows,
    prefer_frozen_dimension,
)
from mqa_parity.attribution.first_faulty_module import (
    FAULT_RATIO,
    find_first_faulty,
    list_nearby_modules,
    make_graph_test,
    make_module_test,
    measure_modules,
)
from mqa_parity.attribution.nondeterminism import attribute_to_randomness, attribute_to_reference
from mqa_parity.attribution.paired_run import FLOAT32, PairedRun, ReferenceRun
from mqa_parity.attribution.reproduction import find_worst_run, isolate_row, still_fails, write_bundle
from mqa_parity.attribution.result import Attribution
from mqa_parity.attribution.root_cause import attribute_to_optimizer, find_cause
from mqa_parity.attribution.signature import add_missing_input, attribute_to_form, attribute_to_signature
from mqa_parity.attribution.value_matching import match_values
from mqa_parity.attribution.weight_faults import (
    find_different_weights,
    find_other_model,
    find_sound_weights,
    find_weight_mismatch,
)
from mqa_parity.protocols import SupportsGraph, class_name, module_graph
from mqa_parity.tensors.weight_comparison import WeightComparison
from mqa_registry import summarize_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from mqa_parity.attribution.first_faulty_module import ModuleError, SubgraphTest
    from mqa_parity.attribution.result import Cause
    from mqa_parity.attribution.value_matching import MatchedValues
    from mqa_parity.protocols import Candidate, ModuleGraph, Reference
    from mqa_parity.tensors.output_matching import OutputMatch
    from mqa_parity.tolerance import Precision

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

NODE = re.compile(r"\bnode `([^`]+)` \(")  # the runner of a file names the node that failed so


def attribute_difference(
    reference: Reference,
    candidate: Candidate,
    batches: Sequence[Arrays],
    *,
    mask: str = "",
    precision: Precision = FLOAT32,
    oracle: Reference | None = None,
    bundle: Callable[[Attribution], Path] | None = None,
    outputs: OutputMatch | None = None,
    weights: WeightComparison | None = None,
) -> Attribution | None:
    """The first module in which a candidate differs from its reference, and the root cause; None where it agrees.

    `reference` computes in the candidate's `precision`, and `oracle` is the reference in float64, opened if it is not
    given. An error counts if it is more than `precision.allowed` times the reference's own; where no output of any batch
    has such an error as a whole, its channels and rows are compared; where none is off, the outputs' names and types.
    `mask` names the array of a batch that is 0 at padding. `outputs` says which outputs are compared, by name or
    position if it is None. `weights` is a comparison of both sides' weights. `bundle` names the folder
    for a reproduction, of a difference in numbers.
    """
    with nullcontext(oracle) if oracle is not None else reference.variant(dtype="float64") as exact:
        sizes = collect_weight_sizes(reference)
        comparison = weights or WeightComparison(reference, candidate)

        def paired(batch: Arrays) -> PairedRun:
            run = PairedRun(ReferenceRun(reference, exact, batch, mask), candidate, precision, outputs, comparison)
            return disambiguate_sequence_axis(run, sizes)

        runs = list(map(paired, batches))
        worst = find_worst_run(runs) or _find_worst_by_channel(runs, mask)
        if worst is None:
            checks = (check(run) for check in (attribute_to_form, attribute_to_reference) for run in runs)
            return next(filter(None, checks), None)
        largest = max(runs, key=lambda run: run.rows)
        for run in (worst, largest) if largest.rows > worst.rows else (worst,):
            if (found := attribute_to_reference(run)) is not None:
                return found
        run = isolate_row(worst)
        found = attribute_failure(run)
        if bundle is not None:
            write_bundle(run, found, bundle(found))
        return found


def _find_worst_by_channel(runs: Sequence[PairedRun], mask: str) -> PairedRun | None:
    """The run with the worst channel or row; where none fails by itself, all rows as one run, if that fails.

    Either side may not take so many rows, which says nothing about the difference.
    """
    by_channel = [replace(run, by_channel=True) for run in runs]
    if (worst := find_worst_run(by_channel)) is not None or len(runs) < 2:
        return worst
    batch = combine_batches([run.batch for run in runs], mask)
    combined = by_channel[0].with_batch(batch) if batch else None
    return combined if combined is not None and still_fails(combined) and not combined.crash else None


def attribute_failure(run: PairedRun) -> Attribution:
    """The fault behind a run that fails; what is quick to find out comes first."""
    attribution = (
        attribute_to_randomness(run)
        or attribute_to_signature(run)
        or attribute_to_optimizer(run)
        or _attribute_to_module(run)
    )
    attribution = add_missing_input(run, attribution)
    if attribution.class_name or not attribution.module:
        return attribution
    return replace(attribution, class_name=class_name(run.reference.baseline, attribution.module))


def _attribute_to_module(run: PairedRun) -> Attribution:
    """By the modules of the graph as it is in the file."""
    if not isinstance(run.candidate, SupportsGraph):
        return Attribution("exporter", "the candidate shows neither a graph nor optimization levels", run.ratio)
    graph = module_graph(run.candidate, run.reference.baseline)
    values = match_values(run, graph)
    if not values.calls:
        return _attribute_anonymous(run, graph)
    if run.crash:
        return _attribute_crash(run, graph, values)
    errors = measure_modules(run, graph, values)
    if not errors:
        return _attribute_anonymous(run, graph)
    faulty = find_first_faulty(errors, run.limit)
    if faulty is None:
        outside = attribute_after_modules(run, graph, values)
        return replace(
            outside or _attribute_to_no_module(run, graph, errors), nearby_modules=list_nearby_modules(errors, None)
        )
    attribution = _attribute_at(run, graph, values, faulty)
    if attribution.kind == "precision":
        faulty, attribution = _attribute_beyond_precision(run, graph, values, errors, faulty)
    return replace(attribution, nearby_modules=list_nearby_modules(errors, faulty))


def _attribute_anonymous(run: PairedRun, graph: ModuleGraph) -> Attribution:
    """By numbers alone; if the graph knows the nodes of the module that is at fault, with those."""
    attribution = attribute_by_numbers(run, graph)
    nodes = (
        _select_own_nodes(graph, attribution.module, make_graph_test(run, graph).subgraph.node_names)
        if attribution.module
        else ()
    )
    return _move_to_module(graph, replace(attribution, node_names=nodes), attribution.module) if nodes else attribution


def _attribute_beyond_precision(
    run: PairedRun, graph: ModuleGraph, values: MatchedValues, errors: Sequence[ModuleError], first: ModuleError
) -> tuple[ModuleError, Attribution]:
    """Where a lower precision makes every module err: the first with a wrong weight, else the one that errs most."""
    erring = [error for error in errors if error.local_ratio > FAULT_RATIO] or [first]
    for error in erring:
        test = make_module_test(run, graph, values, error.call)
        if (cause := find_weight_mismatch(test)) is not None:
            return error, _build_attribution(graph, error, test, cause)
    for error in sorted(erring, key=lambda error: -error.local_ratio):
        if (found := _attribute_at(run, graph, values, error)).kind == "precision":
            return error, found
    return first, _attribute_at(run, graph, values, first)


def _attribute_at(run: PairedRun, graph: ModuleGraph, values: MatchedValues, error: ModuleError) -> Attribution:
    test = make_module_test(run, graph, values, error.call)
    sound = find_sound_weights(run, test.subgraph.weights)
    if not test.module:  # between modules, or in hidden ones: a weight there may be any of the model's
        test = replace(test, sound_weights=sound)
    cause = find_gap(graph, test, values) or prefer_frozen_dimension(graph, test, find_cause(test))
    if cause.kind == "weights" or (cause.kind == "exporter" and sound < frozenset(test.subgraph.weights)):
        if (other := find_other_model(run)) is not None:
            return Attribution(other.kind, other.reason, run.ratio, meaning=other.meaning)
        if cause.kind != "weights" and cause.faulty_nodes is None:
            cause = find_different_weights(test) or cause
    return _build_attribution(graph, error, test, cause)


def _build_attribution(graph: ModuleGraph, error: ModuleError, test: SubgraphTest, cause: Cause) -> Attribution:
    call = error.call
    nodes = _select_own_nodes(graph, call.module, test.subgraph.node_names)
    attribution = Attribution(
        cause.kind,
        f"on PyTorch's inputs it errs by {error.local_ratio:.3g} times PyTorch's noise: {cause.reason}",
        error.local_ratio,
        module=call.module,
        call_index=call.call,
        class_name=call.class_name or ("" if call.module else class_name(test.run.reference.baseline, "")),
        source=call.source,
        node_names=nodes or tuple(graph.node_names(call)),
        weight=cause.weight,
        output_value=call.value,
        meaning=cause.meaning,
    )
    if cause.faulty_nodes is not None:
        return _move_to_module(
            graph, replace(attribution, node_names=cause.faulty_nodes), cause.module, cause.faulty_nodes
        )
    if cause.module not in {"", attribution.module}:
        return _move_to_module(graph, attribution, cause.module)
    if not nodes and attribution.node_names and cause.kind != "weights":  # of the module that another was folded into
        return _move_to_module(graph, attribution, graph.module_of(attribution.node_names[-1])[0])
    return attribution


def _move_to_module(
    graph: ModuleGraph, attribution: Attribution, module: str, own_nodes: tuple[str, ...] | None = None
) -> Attribution:
    """At another module, or at none, with its class, source and nodes in the graph; None for `own_nodes` looks them up."""
    nodes = _select_own_nodes(graph, module, attribution.node_names) if own_nodes is None else own_nodes
    owner, owner_class, source = graph.module_of(nodes[-1]) if nodes else ("", "", "")
    class_and_source = (owner_class, source) if owner == module else ("", "")
    return replace(
        attribution,
        module=module,
        class_name=class_and_source[0],
        source=class_and_source[1],
        node_names=nodes or (attribution.node_names if own_nodes is None else own_nodes),
    )


def _select_own_nodes(graph: ModuleGraph, module: str, nodes: Sequence[str]) -> tuple[str, ...]:
    """Those of a subgraph's nodes that belong to a module."""
    own = graph.nodes_inside(module)
    return tuple(node for node in nodes if node in own)


def _attribute_crash(run: PairedRun, graph: ModuleGraph, values: MatchedValues) -> Attribution:
    """By the node that ONNX Runtime names in its error."""
    node = found[1] if (found := NODE.search(run.crash)) else ""
    module, owner_class, source = graph.module_of(node)
    if node and not module:  # a node of the model itself
        owner_class = owner_class or class_name(run.reference.baseline, "")
    crash = Attribution(
        "exporter",
        f"the model takes this input, and the file does not: {summarize_error(run.crash)}",
        inf,
        module=module,
        class_name=owner_class,
        source=source,
        node_names=(node,) if node else (),
    )
    if why := find_frozen_after_crash(run, graph):
        where = f"node `{node}`" + (f" of `{module}`" if module else "") if node else "a node without a name"
        return replace(crash, reason=f"{why}, at {where}", meaning=why)
    call = next((call for call in values.calls.values() if call.module == module), None)
    if call is None:
        return crash
    cause = find_cause(make_module_test(run, graph, values, call))
    return replace(
        crash,
        kind=cause.kind,
        reason=f"{crash.reason}: {cause.reason}",
        output_value=call.value,
        weight=cause.weight,
        meaning=cause.meaning,
    )


def _attribute_to_no_module(run: PairedRun, graph: ModuleGraph, errors: Sequence[ModuleError]) -> Attribution:
    """Where no module and no output errs by itself: a frozen number of rows, the signature, or rounding that adds up."""
    if why := find_frozen_rows(run, graph):
        return Attribution("exporter", why, run.ratio, meaning=why)
    if not isfinite(run.ratio):  # rounding does not add up to that
        outputs = (run.reference.oracle_outputs, run.candidate_outputs)
        ours, theirs = (", ".join(f"`{name}`" for name in names) for names in outputs)
        return Attribution(
            "signature", f"no module errs by itself, and {theirs} is not what the model has for {ours}", inf
        )
    most = max(errors, key=lambda error: error.local_ratio)
    detail = f": the one that does most, `{most.call.module}`, by {most.local_ratio:.3g} times PyTorch's noise"
    return Attribution("tolerance", f"no module errs by itself{detail}", run.ratio)
