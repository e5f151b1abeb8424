"""Tiny models of four architectures with random weights, each exported once, and ways to hold exports against them."""

from __future__ import annotations

import copy
import shutil
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from onnx import helper, numpy_helper

from mqa_onnxruntime.captured_output import capture_output
from mqa_onnxruntime.export.exporters import export
from mqa_onnxruntime.graph.provenance import read_metadata, resolve_provenance, trace_file
from mqa_onnxruntime.session.factory import EXTERNAL_DATA_FOLDER, SessionConfig, SessionFactory
from mqa_onnxruntime.session.runner import SessionRunner
from mqa_parity.attribution.attribute import attribute_difference
from mqa_registry import RunnerFacts
from mqa_transformers.runner import TorchRunner

WORDS, LAYERS = 99, 3
SIZES = {
    "vocab_size": WORDS,
    "hidden_size": 32,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 40,
}
OTHER_NAMES = {"vocab_size": WORDS, "dim": 32, "n_layers": LAYERS, "n_heads": 4, "hidden_dim": 64}

ANSWERING = (
    "-answering"  # at the end of a name: the same with two outputs of one shape, where an answer begins and ends
)

# The class of the configuration, its settings, the class of the model, and where a layer and its attention are.
ARCHITECTURES = {
    "bert": ("BertConfig", SIZES, "Bert", "bert.encoder.layer.{}.", "attention.self"),
    "roberta": ("RobertaConfig", SIZES, "Roberta", "roberta.encoder.layer.{}.", "attention.self"),
    "distilbert": ("DistilBertConfig", OTHER_NAMES, "DistilBert", "distilbert.transformer.layer.{}.", "attention"),
    "mpnet": ("MPNetConfig", SIZES, "MPNet", "mpnet.encoder.layer.{}.", "attention.attn"),
    "albert": ("AlbertConfig", SIZES | {"embedding_size": 16}, "Albert", "", ""),
    "pooled": ("BertConfig", SIZES, "Bert", "", ""),
}


def make_module(architecture):
    """Every weight is drawn, biases and norms too, so that no two of them are the same."""
    import torch
    import transformers

    config, settings, family, *_ = ARCHITECTURES[architecture.removesuffix(ANSWERING)]
    torch.manual_seed(7)
    answering = architecture.endswith(ANSWERING)
    head = (
        "Model" if architecture == "pooled" else f"For{'QuestionAnswering' if answering else 'SequenceClassification'}"
    )
    settings = settings | {"num_labels": 2 if answering else 3, "use_cache": False}
    module = getattr(transformers, family + head)(getattr(transformers, config)(**settings)).eval()
    with torch.no_grad():
        for name, weight in module.named_parameters():
            one_axis = 1.0 if "norm.weight" in name.lower() else 0.0
            scale = 0.3 if weight.ndim == 1 else 1.0 if "embeddings" in name else 1.5 / weight.shape[-1] ** 0.5
            weight.copy_(torch.randn_like(weight) * scale + one_axis)
    return module


def make_batch(rows, length, seed):
    """Word numbers, the first row as long as can be."""
    rng = np.random.default_rng(seed)
    words, mask = rng.integers(5, WORDS, (rows, length)), np.ones((rows, length), np.int64)
    for row, size in enumerate(rng.integers(3, length + 1, rows - 1), start=1):
        words[row, size:], mask[row, size:] = 1, 0
    return {"input_ids": words, "attention_mask": mask}


@pytest.fixture(scope="session")
def batches():
    """The shape sweep: one row and several, short and long, padded and not."""
    return [make_batch(1, 3, 5), make_batch(3, 12, 1), make_batch(4, 25, 2)]


@pytest.fixture(scope="session")
def lab(tmp_path_factory, batches):
    """Per architecture a module, its export, and where its layers are; neither is to be changed."""
    import onnx

    made = {}

    def get(architecture):
        if architecture not in made:
            module, folder = make_module(architecture), tmp_path_factory.mktemp(architecture)
            axes = dict.fromkeys(batches[1], (0, 1))
            export(module, batches[1], axes, folder, None)
            *_, layer, attention = ARCHITECTURES[architecture.removesuffix(ANSWERING)]
            graph, descents = onnx.load(str(folder / "model.onnx")), read_metadata(folder / "model.onnx")
            made[architecture] = SimpleNamespace(
                module=module,
                path=folder / "model.onnx",
                graph=graph,
                descents=descents,
                layer=layer,
                attention=attention,
            )
        return made[architecture]

    return get


@pytest.fixture(scope="session")
def reference(batches):
    """A module as the PyTorch backend runs it."""

    def make(module):
        return TorchRunner(
            module, module, lambda: batches[1], "cpu", 1, 512, {}, RunnerFacts(precision="float32", tf32=False)
        )

    return make


@pytest.fixture
def candidate(tmp_path):
    """An ONNX file, or a graph, as the backend of ONNX Runtime runs it; `origin` is the export that a graph came from."""

    def make(graph, source=SessionFactory, origin=None):
        path = graph
        if not isinstance(graph, Path):
            path = tmp_path / f"{len(list(tmp_path.iterdir()))}.onnx"
            path.write_bytes(graph.SerializeToString())
            if origin is not None:
                shutil.copyfile(trace_file(origin), trace_file(path))
        opened = source(path, SessionConfig(threads=1), providers={"CPUExecutionProvider": {}})
        session = opened.open()
        types = {one.name: np.int64 for one in session.get_inputs()}
        return SessionRunner(session, types, "CPUExecutionProvider", 512, {}, RunnerFacts(precision="float32"), opened)

    return make


@pytest.fixture
def attributed(lab, reference, candidate, batches):
    """What attribution finds of a damaged export, or of an export of a model that was damaged since."""

    def ask(architecture, graph=None, *, module=None, source=SessionFactory, **options):
        found = lab(architecture)
        held = candidate(found.path if graph is None else graph, source, found.path)
        return attribute_difference(reference(module or found.module), held, batches, mask="attention_mask", **options)

    return ask


@pytest.fixture
def copied(lab):
    """A copy of an architecture's module or graph, to be damaged."""
    return lambda architecture, part: copy.deepcopy(getattr(lab(architecture), part))


def optimized(source, graph, optimization, without):
    """The graph that ONNX Runtime makes of a graph."""
    import onnx
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        for data in source.path.parent.glob("*.data"):
            shutil.copy(data, folder)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.optimized_model_filepath = f"{folder}/optimized.onnx"
        levels = onnxruntime.GraphOptimizationLevel
        options.graph_optimization_level = {
            "basic": levels.ORT_ENABLE_BASIC, "extended": levels.ORT_ENABLE_EXTENDED, "all": levels.ORT_ENABLE_ALL,
        }[optimization]  # fmt: skip
        if graph:
            options.add_session_config_entry(EXTERNAL_DATA_FOLDER, str(source.path.parent))
        providers = ["CPUExecutionProvider"]
        onnxruntime.InferenceSession(
            graph or str(source.path), options, providers=providers, disabled_optimizers=list(without)
        )
        return onnx.load(f"{folder}/optimized.onnx")


def with_faulty_optimizer(kind, number):
    """Sessions in which one of the nodes of a kind that optimizers make has another weight."""

    from onnx import numpy_helper

    class Faulty(SessionFactory):
        def _session(self, graph, optimization, without, severity, profile):
            if optimization == "disabled" or severity < 4:
                return super()._session(graph, optimization, without, severity, profile)
            model = optimized(self, graph, optimization, without)
            made = [node for node in model.graph.node if node.op_type == kind]
            weights = {one.name: one for one in model.graph.initializer if len(one.dims) == 1}
            for node in made[number : number + 1]:
                place = next(place for place, name in enumerate(node.input) if name in weights)
                array = numpy_helper.to_array(weights[node.input[place]])
                noise = np.linspace(-0.1, 0.1, len(array), dtype=np.float32)
                model.graph.initializer.append(numpy_helper.from_array(array + noise, "damaged"))
                node.input[place] = "damaged"
            return super()._session(model.SerializeToString(), "disabled", (), severity, profile)

    return Faulty


@pytest.fixture(scope="session")
def optimized_nodes():
    """The nodes of a kind that optimizers make of a file."""

    def find(path, kind):
        model = optimized(
            SessionFactory(path, SessionConfig(threads=1), providers={"CPUExecutionProvider": {}}), b"", "all", ()
        )
        return [node for node in model.graph.node if node.op_type == kind]

    return find


@pytest.fixture(scope="session")
def faulty_optimizer():
    return with_faulty_optimizer


TYPES = {"tensor(int64)": np.int64, "tensor(float)": np.float32}


def traced(module, batch, path, *, axes=(0,)):
    """The file that the older exporter of PyTorch writes, by tracing."""
    import torch

    class Placed(torch.nn.Module):
        """Takes its inputs by place, as that exporter gives them."""

        def __init__(self):
            super().__init__()
            self.model = module

        def forward(self, *given):
            return self.model(**dict(zip(batch, given, strict=True)))

    outputs = ["logits"]
    given = tuple(torch.from_numpy(array) for array in batch.values())
    dynamic = {name: {axis: f"{name}_{axis}" for axis in axes} for name in batch}
    with warnings.catch_warnings(), tempfile.TemporaryFile() as log, capture_output(log):
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Placed().eval(), given, path, dynamo=False, input_names=list(batch), output_names=outputs,
            dynamic_axes=dynamic, opset_version=17,
        )  # fmt: skip
    return path


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """A module's export by one of the two exporters, `dynamo` or `script`; each is written once by its name."""
    made = {}

    def write(name, module, batch, exporter, *, axes=(0,)):
        if (name, exporter) not in made:
            folder = tmp_path_factory.mktemp(f"{name}-{exporter}")
            if exporter == "dynamo":
                export(module, batch, dict.fromkeys(batch, axes), folder, None)
            else:
                traced(module, batch, folder / "model.onnx", axes=axes)
            made[name, exporter] = folder / "model.onnx"
        return made[name, exporter]

    return write


@pytest.fixture
def attributed_export(reference, tmp_path):
    """What attribution finds of a graph, an export that was damaged since, beside a module."""

    def ask(module, batches, graph, origin, **facts):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.onnx"
        path.write_bytes(graph.SerializeToString())
        if trace_file(origin).is_file():
            shutil.copyfile(trace_file(origin), trace_file(path))
        opened = SessionFactory(path, SessionConfig(threads=1), providers={"CPUExecutionProvider": {}})
        session = opened.open()
        types = {one.name: TYPES[one.type] for one in session.get_inputs()}
        known = RunnerFacts(**{"precision": "float32", **facts})
        held = SessionRunner(session, types, "CPUExecutionProvider", 512, {}, known, opened)
        runner = replace(reference(module), sample=lambda: batches[0])
        mask = "attention_mask" if "attention_mask" in batches[0] else ""
        return attribute_difference(runner, held, batches, mask=mask)

    return ask


@pytest.fixture(scope="session")
def opened(written):
    """An export to damage, of a module by one of the two exporters."""
    return lambda *given, **axes: Surgery(written(*given, **axes))


@pytest.fixture
def surgery():
    return Surgery


class Surgery:
    """A graph to damage, with the module of each node by the name that the file has for it."""

    def __init__(self, path):
        import onnx

        self.graph, self.path = onnx.load(str(path)), path
        origins = resolve_provenance(self.graph.graph.node, read_metadata(path))
        self.owned = [
            (node, one.modules[-1] if one.modules else "")
            for node, one in zip(self.graph.graph.node, origins, strict=True)
        ]

    def nodes(self, kinds, module=""):
        """The nodes of some kinds in the modules whose names have a part."""
        return [node for node, owner in self.owned if node.op_type in kinds and module in owner]

    def weight(self, node):
        """The first of its inputs that is a tensor of the file, with its numbers."""
        known = {tensor.name: tensor for tensor in self.graph.graph.initializer}
        name = next(name for name in node.input if name in known)
        return name, self.array(name)

    def array(self, name):
        """The numbers of a tensor."""
        tensor = next(tensor for tensor in self.graph.graph.initializer if tensor.name == name)
        return numpy_helper.to_array(tensor).copy()

    def set(self, name, array):
        tensor = next(tensor for tensor in self.graph.graph.initializer if tensor.name == name)
        tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(array), name))

    def lose(self, node):
        """Take a node out: what read its output reads its first input."""
        for other in self.graph.graph.node:
            for place, name in enumerate(other.input):
                if name == node.output[0]:
                    other.input[place] = node.input[0]
        self.graph.graph.node.remove(node)

    def as_constants(self):
        """Every weight is a constant node, as some tools write it."""
        for tensor in list(self.graph.graph.initializer):
            node = helper.make_node("Constant", [], [tensor.name], name=f"constant/{tensor.name}", value=tensor)
            self.graph.graph.node.insert(0, node)
        del self.graph.graph.initializer[:]
