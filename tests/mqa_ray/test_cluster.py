"""Reaching a Ray cluster: one that cannot be reached or has no room is told in one line, at once."""

from __future__ import annotations

import socket

import pytest

from mqa_ray import cluster
from mqa_registry import NotRunError


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({}, 8),
        ({"workers": 3}, 3),
        ({"cpus": 0.5}, 16),
        ({"gpus": 1.0}, 2),
        ({"gpus": 0.1}, 8),
        ({"cpus": 3.0}, 2),
        ({"workers": 8}, 8),
    ],
)
def test_as_many_workers_are_started_as_it_says_or_as_fit(options, count):
    assert cluster._count_workers({"CPU": 8.0, "GPU": 2.0}, cluster.ClusterOptions(**options)) == count


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 9}, "the Ray cluster has 8 CPU, and 9 workers of 1 CPU each do not fit"),
        ({"cpus": 9.0}, "the Ray cluster has 8 CPU, and 1 worker of 9 CPU each do not fit"),
        ({"gpus": 0.5}, "the Ray cluster has 8 CPU and 0 GPU, and 1 worker of 1 CPU and 0.5 GPU each do not fit"),
    ],
)
def test_a_cluster_without_room_is_refused(options, message):
    with pytest.raises(NotRunError, match=message) as caught:
        cluster._count_workers({"CPU": 8.0}, cluster.ClusterOptions(**options))
    assert "`cpus` or `gpus`" in caught.value.hint


@pytest.mark.parametrize("address", ["127.0.0.1:{}", "ray://127.0.0.1:{}", "localhost:{}"])
def test_a_cluster_where_nothing_answers_cannot_be_reached(address):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = address.format(free.getsockname()[1])
    with pytest.raises(NotRunError, match="cannot be reached: connection refused") as caught:
        cluster._require_reachable(address)
    assert f"ray status --address {address}" in caught.value.hint


@pytest.mark.parametrize("address", ["nonsense", "host:port", "host", "[::1"])
def test_what_is_no_address_is_said_to_be_none(address):
    with pytest.raises(NotRunError, match="is no address of a Ray cluster"):
        cluster._require_reachable(address)


def test_a_session_of_the_caller_stays_open(ray, jobs, workers):
    with workers(jobs.Job(), workers=1):
        pass
    assert ray.is_initialized()
