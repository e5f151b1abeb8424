"""Reaching a Ray cluster: one that cannot be reached or has no room is told in one line, at once."""

from __future__ import annotations

import socket

import pytest

from mqa_ray import cluster
from mqa_registry import NotRunError


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 3}, "the Ray cluster has 2 CPU, and 3 workers of 1 CPU each do not fit"),
        ({"cpus": 8.0}, "the Ray cluster has 2 CPU, and 1 worker of 8 CPU each do not fit"),
        ({"gpus": 0.5}, "and 1 worker of 1 CPU and 0.5 GPU each do not fit"),
    ],
)
def test_a_cluster_without_room_is_refused(jobs, workers, options, message):
    with pytest.raises(NotRunError, match=message) as caught, workers(jobs.Job(), **options):
        pass
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
    with workers(jobs.Job(), workers=1) as pool:
        pool.submit(1).result()
    assert ray.is_initialized()
