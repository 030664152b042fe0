"""Cores in virtual time, against arithmetic by hand."""

import pytest

from medgym_ray.planning.cores import Cores


def test_cores_are_shared_evenly() -> None:
    cores = Cores(1.0)
    cores.add(1.0, "short", 0.0)
    cores.add(2.0, "long", 0.0)
    assert cores.boundary() == pytest.approx(2.0)
    assert cores.advance() == "short"
    assert cores.boundary() == pytest.approx(3.0)
    assert cores.advance() == "long"
    assert cores.used_s == pytest.approx(3.0)


def test_a_job_uses_one_core_only() -> None:
    cores = Cores(8.0)
    cores.add(1.0, "job", 2.0)
    assert cores.boundary() == pytest.approx(3.0)
