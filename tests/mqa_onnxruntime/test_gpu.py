"""What is different on a GPU: precision, bound memory, captured graphs, TensorRT; all by option, and told."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from mqa_onnxruntime.binding import Binding, Graphs
from mqa_onnxruntime.gpu import OVERRIDE, execution, on_gpu, tf32_of, without_graphs
from mqa_onnxruntime.providers import CPU, CUDA, asked_for
from mqa_registry import Conditions, DataError, NotRunError, machine

TENSORRT = "TensorrtExecutionProvider"


@pytest.fixture
def asked(tmp_path, monkeypatch):
    monkeypatch.delenv(OVERRIDE, raising=False)
    conditions = Conditions(exports=tmp_path)
    return lambda *providers, **rest: replace(asked_for(conditions, list(providers)), **rest)


def session(*providers, options=None):
    return SimpleNamespace(get_providers=lambda: list(providers), get_provider_options=lambda: options)


def test_tensorfloat_is_off_on_cuda_unless_it_is_asked_for(asked):
    assert not tf32_of(asked(CUDA))
    assert tf32_of(asked(CUDA, tf32=True))
    assert not tf32_of(asked(CPU, tf32=True))


def test_tensorrt_uses_it_unless_cuda_forbids_it(asked, monkeypatch):
    assert tf32_of(asked(TENSORRT))
    monkeypatch.setenv(OVERRIDE, "0")
    assert not tf32_of(asked(TENSORRT))
    assert not tf32_of(asked(CUDA, tf32=True))


def test_it_is_part_of_what_an_answer_depends_on(backend, make, subject, monkeypatch):
    monkeypatch.delenv(OVERRIDE, raising=False)
    monkeypatch.setattr(machine, "gpu_names", lambda: ("NVIDIA H200",))
    on_cuda = make(device="cuda")
    plain = backend.identity(on_cuda)
    assert "tf32" not in plain
    assert backend.identity(on_cuda, tf32=True) == plain | {"tf32": "on"}
    assert backend.identity(make(device="cpu"), tf32=True) == backend.identity(make(device="cpu"))


def test_bound_memory_and_graphs_change_no_answer_and_no_identity(backend, make):
    on_cuda = make(device="cuda")
    plain = backend.identity(on_cuda)
    assert backend.identity(on_cuda, io_binding=False) == plain == backend.identity(on_cuda, cuda_graph=True)


def test_a_session_on_a_gpu_is_bound_unless_that_is_left_out(asked):
    on = session(CUDA, CPU)
    assert execution(on, asked(CUDA), bound=True).__self__ == Binding(on, "cuda", 0)
    assert execution(on, asked(CUDA), bound=False) is None
    assert isinstance(execution(on, asked(CUDA, graph=True), bound=False).__self__, Graphs)
    assert on_gpu(on, asked(CUDA), bound=True) == {"tf32": False, "io_binding": True, "cuda_graph": False}


def test_one_that_landed_on_the_cpu_is_run_plainly(asked):
    assert execution(session(CPU), asked(CUDA, graph=True), bound=True) is None
    assert on_gpu(session(CPU), asked(CUDA), bound=True) == {}


def test_graphs_are_captured_by_cuda_alone(backend, subject):
    for call in (backend.identity, lambda *a, **o: backend.function(*a, **o).__enter__()):
        with pytest.raises(DataError, match=f"`cuda_graph` is for `{CUDA}`, and `{TENSORRT}` is to run the model"):
            call(subject, providers=[TENSORRT], cuda_graph=True)


def test_sessions_that_are_run_plainly_capture_nothing():
    options = {CUDA: {"enable_cuda_graph": "1", "use_tf32": "0"}, CPU: {}}
    assert without_graphs(session(options=options)) == {CUDA: {"enable_cuda_graph": "0", "use_tf32": "0"}, CPU: {}}


@pytest.fixture
def on_cuda(backend, make):
    """Opens the backend on the GPU with these options, and runs these batches of word numbers."""

    def run(batches, **options):
        subject = make(device="cuda")
        try:
            opened = backend.function(subject, **options)
            runner = opened.__enter__()
        except NotRunError as error:
            if "the session landed on" not in error.message and "has no" not in error.message:
                raise
            pytest.skip(f"it does not start here: {error.message}")
        encoded = [subject.codec.collate(subject.codec.encode([{"words": w} for w in words])) for words in batches]
        found = [runner.run(batch)["logits"] for batch in encoded]
        facts = runner.facts
        opened.__exit__(None, None, None)
        return found, facts

    return run


BATCHES = [[[1, 2, 3]], [[4], [5, 6]], [[3, 2, 1]], [[7] * 99] * 5, [[1, 2, 3]]]


@pytest.mark.gpu
def test_on_a_gpu_bound_memory_gives_the_same_answers(on_cuda):
    bound, facts = on_cuda(BATCHES)
    plain, _ = on_cuda(BATCHES, io_binding=False)
    assert facts["io_binding"]
    assert facts["tf32"] is False
    assert all((one == other).all() for one, other in zip(bound, plain, strict=True))


@pytest.mark.gpu
def test_on_a_gpu_captured_graphs_give_the_same_answers(on_cuda):
    plain, _ = on_cuda(BATCHES)
    replayed, facts = on_cuda(BATCHES, cuda_graph=True)
    assert facts["cuda_graph"]
    assert (replayed[0] == replayed[4]).all()
    assert all(np.allclose(one, other, atol=1e-5) for one, other in zip(replayed, plain, strict=True))


@pytest.mark.gpu
def test_on_a_gpu_tensorfloat_is_told_where_it_is_allowed(on_cuda):
    exact, _ = on_cuda(BATCHES)
    rough, facts = on_cuda(BATCHES, tf32=True)
    assert facts["tf32"] is True
    assert all(np.allclose(one, other, atol=1e-2) for one, other in zip(exact, rough, strict=True))


@pytest.mark.gpu
def test_on_a_gpu_tensorrt_answers_alike(on_cuda):
    plain, _ = on_cuda(BATCHES[:2])
    built, facts = on_cuda(BATCHES[:2], providers=[TENSORRT, CUDA])
    assert facts["providers"][0] == TENSORRT
    assert facts["nodes"][TENSORRT]
    assert all(np.allclose(one, other, atol=1e-2) for one, other in zip(built, plain, strict=True))
