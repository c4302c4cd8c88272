"""Meshes for the pipeline's tests."""

import numpy as np
import pytest

from shapewright.geometry.mesh import Mesh
from solids import cube_mesh


@pytest.fixture
def cube() -> Mesh:
    return cube_mesh(colors=np.full((8, 3), 0.5, dtype=np.float32))
