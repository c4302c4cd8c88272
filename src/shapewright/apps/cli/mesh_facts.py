"""What commands say of a mesh that they wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shapewright.pipeline import Asset, MeshOptions, PointCloudAsset

__all__ = ["MeshFacts", "mesh_facts"]

# Kinds of files that go to printers.
PRINTED = (".stl", ".3mf")


@dataclass(frozen=True, kw_only=True)
class MeshFacts:
    """For people, sentences; for machines, values."""

    sentences: Sequence[str]
    values: dict[str, Any]


def mesh_facts(asset: Asset | PointCloudAsset, options: MeshOptions, path: Path) -> MeshFacts:
    """What was done to the mesh in `path`, and whether it can be printed where that is likely asked for."""
    clean = asset.clean_surface(options)
    sentences = list(clean.told)
    values: dict[str, Any] = {"vertices": len(clean.mesh.vertices), "faces": len(clean.mesh.faces)}
    if options.watertight or path.suffix.lower() in PRINTED:
        from shapewright.geometry.print_report import report_for_printing

        report = report_for_printing(clean.mesh, height_m=options.height_m)
        values["print_report"] = report.facts()
        sentences.append(report.told())
    return MeshFacts(sentences=sentences, values={**values, "notes": list(clean.told)})
