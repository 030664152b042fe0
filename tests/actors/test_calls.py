"""What a user is told of Ray's own errors: one line that says what happened and what to do."""

import pytest
import ray
from ray import exceptions as ray_exceptions

from actors import cluster
from actors.calls import unwrapped
from medgym_ray.errors import ClusterError

_SKEW = """Version mismatch: The cluster was started with:
    Ray: 2.60.0
    Python: 3.11.7
This process on node 192.0.2.2 was started with:
    Ray: 2.55.1
    Python: 3.11.7
"""


@pytest.mark.parametrize(
    ("raised", "says"),
    [
        (RuntimeError(_SKEW), r"The cluster was started with: Ray: 2\.60\.0 .*; install the cluster's versions here"),
        (
            ConnectionError("Failed to connect to Ray cluster at 192.0.2.2:6379"),
            r"set RAY_AUTH_TOKEN or RAY_AUTH_TOKEN",
        ),
        (ValueError("something else"), r"ray://192\.0\.2\.2:10001: something else"),
    ],
)
def test_a_cluster_that_refuses_is_one_line(monkeypatch: pytest.MonkeyPatch, raised: Exception, says: str) -> None:
    def refuse(**_options: object) -> None:
        raise raised

    monkeypatch.setattr(cluster, "_probe", lambda _address: None)
    monkeypatch.setattr(ray, "init", refuse)
    with pytest.raises(ClusterError, match=says) as refused:
        cluster.connect("ray://192.0.2.2:10001", "run")
    assert "\n" not in str(refused.value)


_DIED = """The actor died unexpectedly before finishing this task.
\tclass_name: ShardWriter
\tactor_id: 2ffe15aff4cc486c5e2141bf05000000
\tip: 127.0.0.4
The actor died because its node has died. Node Id: e9870ccff1d28312b8e8dadb
\tthe actor's node was terminated unexpectedly
"""


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ray_exceptions.ActorUnavailableError(_DIED, None), r"^an actor of the run is gone \(its node has died\)$"),
        (ray_exceptions.ObjectStoreFullError("full"), r"^Ray's object store is full.*lower sandbox\.concurrency$"),
        (ray_exceptions.OutOfDiskError("full"), r"^Ray's object store is full"),
    ],
)
def test_a_lost_call_is_one_line(error: ray_exceptions.RayError, says: str) -> None:
    told = unwrapped(error)
    assert isinstance(told, ClusterError)
    with pytest.raises(ClusterError, match=says):
        raise told
