"""Surfaces moved back to where they belong, of fields that were taught to hold them further out.

A small field blurs, and thin parts survive only if training moves every surface outwards; what was thick
enough anyway then comes out too large. Which parts are thick, the field knows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from shapewright.geometry.mesh import vertex_normals

__all__ = ["moved_inwards"]

# Thickness is asked for so far inside, in offsets: more would meet the other side of what is thick enough.
PROBES = (1.0, 2.0)
# A vertex moves by no more than this share of the half of the thickness under it.
SHARE = 0.6


@torch.no_grad()
def moved_inwards(
    distance: Callable[[Float[Tensor, "n 3"]], Float[Tensor, "n"]],
    vertices: np.ndarray,
    faces: np.ndarray,
    offset: float,
    device: torch.device,
) -> np.ndarray:
    """Vertices (N, 3) moved against their normals by `offset`, or less where the object is thin.

    distance: the field's signed distance at points, in world units, positive inside. Half the thickness
    under a vertex is taken to be the largest distance that is found at some places beneath it. Faces stay as
    they are. Not in the paper; see docs/decisions/0010-surfaces-moved-back.md.
    """
    normals = vertex_normals(vertices, faces)
    half_thickness = np.zeros(len(vertices))
    for probe in PROBES:
        beneath = (vertices - probe * offset * normals).astype(np.float32)
        found = distance(torch.from_numpy(beneath).to(device)).cpu().numpy()
        half_thickness = np.maximum(half_thickness, found)
    moved_by = np.minimum(offset, SHARE * half_thickness)
    return (vertices - moved_by[:, None] * normals).astype(np.float32)
