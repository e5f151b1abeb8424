"""Known faults, each in a layer and an architecture drawn by seed: whose they are, and the module where they are."""

from __future__ import annotations

import io

import numpy as np
import onnx
import pytest
from mqa_torch.exported_program import to_module
from mqa_torch.model_sources import set_evaluation_mode
from onnx import helper, numpy_helper

from mqa_onnxruntime.export.exporters import export
from mqa_onnxruntime.graph.provenance import resolve_provenance
from mqa_onnxruntime.session.factory import SessionFactory
from mqa_parity.attribution.attribute import attribute_difference
from mqa_parity.attribution.paired_run import PairedRun, ReferenceRun
from mqa_parity.tensors.observations import TensorOptions
from mqa_parity.tensors.probe import TensorParity
from tests.stand_ins import make_codec

TENSORS = TensorParity()

LAYERS = 3
ANSWERING = "-answering"  # of a name: with two outputs of one shape
ARCHITECTURES = ("bert", "roberta", "distilbert", "mpnet")


class Patient:
    """A graph to damage: `layer` is where, by the name that its modules begin with; `source` opens its sessions."""

    def __init__(self, found, graph, layer, rng):
        self.graph, self.descents, self.rng = graph, found.descents, rng
        self.layer, self.attention = layer, layer + found.attention
        self.source = SessionFactory

    def nodes(self, kind, inside=None, *, axes=None):
        """Nodes of one kind in the layer with their modules; `axes` is how many their weight has, where they need one."""
        inside = self.layer if inside is None else inside
        origins = resolve_provenance(self.graph.graph.node, self.descents)
        named = [
            (node, one.modules[-1]) for node, one in zip(self.graph.graph.node, origins, strict=True) if one.modules
        ]
        found = [(node, name) for node, name in named if node.op_type == kind and f"{name}.".startswith(inside)]
        return [pair for pair in found if axes is None or self.weight(pair[0], axes) is not None]

    def draw(self, pairs):
        if not pairs:
            pytest.fail("this architecture has no such node there")
        return pairs[self.rng.integers(len(pairs))]

    def weight(self, node, axes):
        """The place of a node's first weight with so many axes."""
        sizes = {tensor.name: len(tensor.dims) for tensor in self.graph.graph.initializer}
        return next((place for place, name in enumerate(node.input) if sizes.get(name) == axes), None)

    def array(self, name):
        return numpy_helper.to_array(next(one for one in self.graph.graph.initializer if one.name == name)).copy()

    def replace(self, node, place, array):
        """For this node alone, as exports share what is equal."""
        name = f"{node.name}/{place}/damaged"
        self.graph.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        node.input[place] = name


def another_gelu(one):
    node, module = one.draw(one.nodes("Gelu"))
    del node.attribute[:]
    node.attribute.append(helper.make_attribute("approximate", "tanh"))
    return "exporter", module


def one_bias(one):
    node, module = one.draw(one.nodes("Add", axes=1))
    place = one.weight(node, 1)
    bias = one.array(node.input[place])
    bias[one.rng.integers(len(bias))] += 0.2
    one.replace(node, place, bias)
    return "weights", module


def norm_epsilon(one):
    node, module = one.draw(one.nodes("LayerNormalization"))
    next(attribute for attribute in node.attribute if attribute.name == "epsilon").f = 1e-2
    return "exporter", module


def dropped_mask(one):
    softmax, module = one.draw(one.nodes("Softmax"))
    masking = next(node for node, _ in one.nodes("Add") if softmax.input[0] in node.output)
    masking.op_type = "Identity"
    del masking.input[1:]
    return "exporter", module


def swapped_labels(one):
    last = next(node for node in one.graph.graph.node if "logits" in node.output)
    order = one.rng.permutation(3)
    order = order if (order != np.arange(3)).any() else order[[1, 0, 2]]
    for place in (1, 2):
        one.replace(last, place, one.array(last.input[place])[order])
    return "signature", ""


def int8(one):
    """As onnxruntime.quantization has it: weights by their largest, activations by the batch."""
    node, module = one.draw(one.nodes("MatMul", axes=2))
    weight = one.array(node.input[1])
    scale = np.float32(np.abs(weight).max() / 127)
    names = [
        f"{node.name}_{part}" for part in ("q", "scale", "zero", "x", "x_scale", "x_zero", "product", "wide", "both")
    ]
    q, scale_, zero, x, x_scale, x_zero, product, wide, both = names
    for name, array in ((q, np.round(weight / scale).astype(np.int8)), (scale_, scale), (zero, np.int8(0))):
        one.graph.graph.initializer.append(numpy_helper.from_array(np.asarray(array), name))
    made = [
        helper.make_node("DynamicQuantizeLinear", [node.input[0]], [x, x_scale, x_zero], name=f"{x}/node"),
        helper.make_node("MatMulInteger", [x, q, x_zero, zero], [product], name=f"{product}/node"),
        helper.make_node("Cast", [product], [wide], name=f"{wide}/node", to=onnx.TensorProto.FLOAT),
        helper.make_node("Mul", [x_scale, scale_], [both], name=f"{both}/node"),
        helper.make_node("Mul", [wide, both], [node.output[0]], name=f"{node.name}/scaled"),
    ]
    place = list(one.graph.graph.node).index(node)
    one.graph.graph.node.remove(node)
    for offset, new in enumerate(made):
        one.graph.graph.node.insert(place + offset, new)
    return "precision", module


def transposed_weight(one):
    square = [pair for pair in one.nodes("MatMul", axes=2) if len(set(one.array(pair[0].input[1]).shape)) == 1]
    node, module = one.draw(square)
    one.replace(node, 1, one.array(node.input[1]).T)
    return "weights", module


def constant_folded_wrong(one):
    """The scale of an attention, which no weight of the model is."""
    kinds = [pair for kind in ("Mul", "Div") for pair in one.nodes(kind, f"{one.attention}.", axes=0)]
    finite = [pair for pair in kinds if abs(one.array(pair[0].input[one.weight(pair[0], 0)])) < 1e4]
    node, module = one.draw(finite)
    place = one.weight(node, 0)
    one.replace(node, place, one.array(node.input[place]) * np.float32(1.2))
    return "exporter", module


def swapped_inputs(one):
    swapped = {"input_ids": "attention_mask", "attention_mask": "input_ids"}
    for value in one.graph.graph.input:
        value.name = swapped[value.name]
    for node in one.graph.graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = swapped.get(name, name)
    return "signature", ""


def swapped_outputs(one):
    first, last = (value.name for value in one.graph.graph.output)
    names = {first: last, last: first}
    for value in one.graph.graph.output:
        value.name = names[value.name]
    for node in one.graph.graph.node:
        for kept in (node.input, node.output):
            for place, name in enumerate(kept):
                kept[place] = names.get(name, name)
    return "signature", ""


def truncated_positions(one):
    node, module = one.draw([pair for pair in one.nodes("Gather", "") if "position_embeddings" in pair[1]])
    one.replace(node, 0, one.array(node.input[0])[:9])
    return "weights", module


@pytest.fixture
def fused_kernel(faulty_optimizer, optimized_nodes, tmp_path):
    """A fault of what an optimizer makes of several nodes; the file itself is sound."""

    def damage(one):
        path, kind = tmp_path / "sound.onnx", str(one.rng.choice(["BiasGelu", "SkipLayerNormalization"]))
        path.write_bytes(one.graph.SerializeToString())
        origins = resolve_provenance(one.graph.graph.node, one.descents)
        modules = {node.output[0]: origin.modules for node, origin in zip(one.graph.graph.node, origins, strict=True)}
        made = [modules[node.output[0]][-1] for node in optimized_nodes(path, kind)]
        module = str(one.rng.choice([name for name in made if name.startswith(one.layer)]))
        one.source = faulty_optimizer(kind, made.index(module))
        return "optimizer", module

    return damage


FAULTS = [
    another_gelu,
    one_bias,
    norm_epsilon,
    dropped_mask,
    swapped_labels,
    int8,
    transposed_weight,
    constant_folded_wrong,
    swapped_outputs,
    swapped_inputs,
    truncated_positions,
    "fused_kernel",
]
QUICK = (one_bias, norm_epsilon, dropped_mask)
TEXTS = [
    "a" * length + chr(ord("a") + place) for place, length in enumerate((2, 11, 24, 3, 8, 5, 17, 12, 9, 20, 4, 14))
]


def encode(examples):
    return [{"input_ids": np.array([5 + ord(letter) % 90 for letter in one["text"]])} for one in examples]


def collate(rows):
    width = max(len(row["input_ids"]) for row in rows)
    ids = np.array([np.pad(row["input_ids"], (0, width - len(row["input_ids"])), constant_values=1) for row in rows])
    lengths = np.array([len(row["input_ids"]) for row in rows])
    return {"input_ids": ids, "attention_mask": (np.arange(width) < lengths[:, None]).astype(np.int64)}


CODEC = make_codec(encode, collate, cost=lambda row: len(row["input_ids"]), padding_mask="attention_mask")


@pytest.fixture
def counts(lab, reference, candidate, batches):
    """Whether a fault moves an output by more than 30 times the noise on some row of the shape sweep."""

    def measure(architecture, patient):
        truth, held = reference(lab(architecture).module), candidate(patient.graph, patient.source)
        with truth.variant(dtype="float64") as exact:
            runs = [PairedRun(ReferenceRun(truth, exact, batch, "attention_mask"), held) for batch in batches]
            return any(run.with_rows([row]).ratio > 30 for run in runs for row in range(run.rows))

    return measure


@pytest.fixture
def judged(lab, reference, candidate, context):
    """What `parity/tensors` gives of a damaged export and its model: its numbers, and the first module that differs."""

    def look(architecture, patient, form):
        found = lab(architecture)
        held = candidate(patient.graph, patient.source, found.path)
        seen = TENSORS.observe(context(held, reference(form(found.module)), texts=TEXTS, codec=CODEC), TensorOptions())
        return TENSORS.numbers(seen), TENSORS.evidence(seen).details.get("first_divergence", {})

    return look


@pytest.fixture
def convicted(lab, copied, counts, judged, request):
    """Damages a graph, as seed and fault draw it, until the fault counts; holds the verdict against what is known.

    `form` makes of the model what it is held against.
    """

    def look(fault, architecture, seed, form=lambda module: module):
        name = fault_name(fault)
        damage = request.getfixturevalue(fault) if isinstance(fault, str) else fault
        architecture += ANSWERING if fault is swapped_outputs else ""
        found = lab(architecture)
        for draw in range(20):
            rng = np.random.default_rng([seed, draw, *name.encode()])
            patient = Patient(found, copied(architecture, "graph"), found.layer.format(rng.integers(LAYERS)), rng)
            kind, module = damage(patient)
            if counts(architecture, patient):
                told, first = judged(architecture, patient, form)
                assert told["mismatches"] > 0 or told["ratio"] > 10
                assert (first["kind"], first.get("module", "")) == (kind, module), first
                return
        pytest.fail("no draw of this fault counts")

    return look


def fault_name(fault):
    return fault if isinstance(fault, str) else fault.__name__


@pytest.fixture(scope="module")
def programmed(batches):
    """A model as it comes back from a `.pt2`, for any number of rows and positions."""
    import torch

    made = {}

    def form(module):
        if module not in made:
            batch = {name: torch.from_numpy(array) for name, array in batches[1].items()}
            axes = {0: torch.export.Dim("rows"), 1: torch.export.Dim("length", max=25)}
            program = torch.export.export(module, (), batch, dynamic_shapes=dict.fromkeys(batch, axes))
            file = io.BytesIO()
            torch.export.save(program, file)
            made[module] = set_evaluation_mode(to_module(torch.export.load(file)))
        return made[module]

    return form


@pytest.mark.parametrize("fault", FAULTS, ids=fault_name)
def test_a_fault_is_attributed_to_its_module(convicted, fault):
    convicted(fault, "bert", 0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("fault", FAULTS, ids=fault_name)
def test_a_fault_is_attributed_in_any_layer_of_any_architecture(convicted, fault, seed):
    rng = np.random.default_rng([seed, *fault_name(fault).encode()])
    # One of them has its attention's scale in the weights' names alone.
    fitting = ARCHITECTURES[:3] if fault is constant_folded_wrong else ARCHITECTURES
    convicted(fault, str(rng.choice(fitting)), seed)


@pytest.mark.parametrize(
    "fault",
    [one if one in QUICK else pytest.param(one, marks=pytest.mark.slow) for one in FAULTS],
    ids=fault_name,
)
def test_a_fault_is_attributed_to_its_module_with_an_exported_program_as_reference(convicted, programmed, fault):
    convicted(fault, "bert", 0, programmed)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES[1:])
@pytest.mark.parametrize("fault", QUICK, ids=fault_name)
def test_a_fault_is_attributed_with_an_exported_program_of_any_architecture(convicted, programmed, architecture, fault):
    convicted(fault, architecture, 1, programmed)


@pytest.mark.parametrize(
    "architecture", ["bert", *(pytest.param(one, marks=pytest.mark.slow) for one in ARCHITECTURES[1:])]
)
def test_nothing_is_reported_for_a_sound_export(attributed, architecture):
    assert attributed(architecture) is None


def test_of_two_faults_the_first_is_named_though_the_second_is_larger(copied, lab, attributed):
    found, graph = lab("bert"), copied("bert", "graph")
    early, late = (Patient(found, graph, found.layer.format(layer), np.random.default_rng(1)) for layer in (0, 2))
    _, module = another_gelu(early)
    transposed_weight(late)
    answer = attributed("bert", graph)
    assert (answer.kind, answer.module) == ("exporter", module)
    assert answer.ratio > 20
    assert [step.module for step in answer.nearby_modules].index(module) == 2


def test_a_layer_with_the_weights_of_another_names_the_other(copied, lab, attributed):
    one = Patient(lab("bert"), copied("bert", "graph"), "bert.encoder.layer.1.", None)
    other = Patient(lab("bert"), one.graph, "bert.encoder.layer.2.", None)
    for kind, axes in (("MatMul", 2), ("Add", 1)):
        pairs = [patient.nodes(kind, f"{patient.attention}.query.", axes=axes)[0][0] for patient in (one, other)]
        place = one.weight(pairs[0], axes)
        one.replace(pairs[0], place, other.array(pairs[1].input[place]))
    found = attributed("bert", one.graph)
    assert (found.kind, found.module) == ("weights", "bert.encoder.layer.1.attention.self.query")
    assert all(
        f"it is `bert.encoder.layer.2.attention.self.query.{name}`" in found.reason for name in ("weight", "bias")
    )


@pytest.mark.slow
def test_the_call_of_a_shared_module_is_named(copied, lab, attributed):
    graph = copied("albert", "graph")
    tanhs = [node for node in graph.graph.node if node.op_type == "Tanh" and "gelu" not in node.name]
    second = tanhs[1]
    patient = Patient(lab("albert"), graph, "", None)
    scaled = next(node for node in graph.graph.node if second.input[0] in node.output)
    place = patient.weight(scaled, 0)
    patient.replace(scaled, place, patient.array(scaled.input[place]) * np.float32(1.01))
    found = attributed("albert", graph)
    assert found.module.endswith("albert_layers.0.activation")
    assert (found.kind, found.call_index, found.class_name) == ("exporter", 1, "NewGELUActivation")


@pytest.mark.slow
def test_swapped_outputs_of_other_shapes_are_attributed_to_the_signature(copied, lab, attributed):
    patient = Patient(lab("pooled"), copied("pooled", "graph"), "", None)
    swapped_outputs(patient)
    found = attributed("pooled", patient.graph)
    assert found.kind == "signature"
    one, other = (value.name for value in patient.graph.graph.output)
    assert f"what it calls `{one}` is `{other}`" in found.reason


@pytest.mark.slow
def test_a_wrapped_models_modules_have_their_own_names(lab, reference, candidate, batches, tmp_path):
    import torch

    class Wrapped(torch.nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, **inputs):
            return {"logits": self.inner(**inputs).logits}

    export(Wrapped(lab("bert").module).eval(), batches[1], dict.fromkeys(batches[1], (0, 1)), tmp_path, None)
    graph = onnx.load(str(tmp_path / "model.onnx"))
    node = [node for node in graph.graph.node if node.op_type == "LayerNormalization"][3]
    next(attribute for attribute in node.attribute if attribute.name == "epsilon").f = 0.1
    held = candidate(graph, origin=tmp_path / "model.onnx")
    found = attribute_difference(reference(lab("bert").module), held, batches, mask="attention_mask")
    assert (found.kind, found.module) == ("exporter", "bert.encoder.layer.1.attention.output.LayerNorm")


def test_a_model_that_was_trained_on_after_its_export_has_other_weights(copied, attributed):
    import torch

    module = copied("bert", "module")
    with torch.no_grad():
        module.bert.encoder.layer[1].output.dense.weight[3, 4] += 0.3
    found = attributed("bert", module=module)
    assert (found.kind, found.module) == ("weights", "bert.encoder.layer.1.output.dense")
    assert found.weight.endswith(": weight")


def test_a_model_with_another_activation_than_its_export_is_the_truth(copied, attributed):
    import torch

    module = copied("bert", "module")
    module.bert.encoder.layer[2].intermediate.intermediate_act_fn = torch.nn.GELU(approximate="tanh")
    found = attributed("bert", module=module)
    assert (found.kind, found.module) == ("exporter", "bert.encoder.layer.2.intermediate.intermediate_act_fn")
