"""Which assets are held back: decided per group, so that twins never sit on both sides."""

from __future__ import annotations

import hashlib
import re

import numpy as np

from shapewright.geometry.mesh import TexturedMesh, face_areas_and_normals

__all__ = ["geometry_signature", "group_assets", "name_stem", "side_of_group"]

_COLOR_WORDS = "black|white|gr[ae]y|brown|beige|red|orange|yellow|green|blue|purple|pink|clear|dark|light"


def geometry_signature(mesh: TexturedMesh) -> str:
    """The same for the same shape in other colours, sizes (also per axis), mirrored or turned by 90 degrees.

    Made of the face count and coarse moments, along each axis of the bounding box, of where the area is.
    """
    areas, _ = face_areas_and_normals(mesh.vertices, mesh.faces)
    faces = mesh.faces[areas > 0]
    if len(faces) == 0:
        return "empty"
    # Areas change with the scale of an axis, so faces count alike.
    centers = mesh.vertices[faces].mean(axis=1)
    low, high = centers.min(axis=0), centers.max(axis=0)
    unit = (centers - low) / np.maximum(high - low, 1e-12)
    means, spreads = unit.mean(axis=0), unit.std(axis=0)
    moments = sorted(
        (round(float(min(mean, 1.0 - mean)), 2), round(float(spread), 2))
        for mean, spread in zip(means, spreads, strict=True)
    )
    return f"{len(faces)}:" + ",".join(f"{mean:.2f}/{spread:.2f}" for mean, spread in moments)


def name_stem(file_stem: str) -> str:
    """A file's name without case, separators and colour words: "Chair_red" and "chair" are one."""
    plain = re.sub(r"([a-z])([A-Z])", r"\1 \2", file_stem)
    words = re.sub(r"[^a-z0-9]+", " ", plain.lower()).split()
    kept = [word for word in words if not re.fullmatch(_COLOR_WORDS, word)]
    return "".join(kept or words)


def group_assets(keys: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """A group name for every id, given the keys of each; ids that share a key share the group.

    The name is the smallest key in the group, so it does not depend on order.
    """
    parents: dict[str, str] = {}

    def root(key: str) -> str:
        parents.setdefault(key, key)
        while parents[key] != key:
            parents[key] = parents[parents[key]]
            key = parents[key]
        return key

    for own in keys.values():
        for key in own[1:]:
            low, high = sorted((root(own[0]), root(key)))
            parents[high] = low
    return {name: root(own[0]) for name, own in keys.items()}


def side_of_group(group: str, validation_share: float) -> str:
    """ "val" for about `validation_share` of all groups, by a hash of the name; else "train"."""
    digest = hashlib.sha256(f"shapewright split: {group}".encode()).digest()
    return "val" if int.from_bytes(digest[:8], "big") < validation_share * 2**64 else "train"
