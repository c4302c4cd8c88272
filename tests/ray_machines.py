"""A Ray cluster of two machines, both of them processes of this one."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

__all__ = ["TwoMachines", "two_ray_machines"]


class TwoMachines:
    """One CPU each; the second can be lost."""

    def __init__(self, cluster: Any) -> None:
        self._cluster = cluster
        self._second = cluster.add_node(num_cpus=1)

    @property
    def address(self) -> str:
        return str(self._cluster.address)

    def lose_one(self) -> str:
        """Kill the second machine's processes, as when it loses power; returns its name."""
        self._cluster.remove_node(self._second, allow_graceful=False)
        return str(self._second.unique_id)


@contextmanager
def two_ray_machines() -> Generator[TwoMachines]:
    """Start the cluster, and end it."""
    from ray.cluster_utils import Cluster

    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        yield TwoMachines(cluster)
    finally:
        cluster.shutdown()
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
