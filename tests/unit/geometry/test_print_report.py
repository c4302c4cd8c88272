"""What is said of an object before it is printed."""

from dataclasses import replace

import numpy as np
import pytest

from shapewright.geometry.print_report import report_for_printing, thinnest_part
from solids import cube_mesh, grid_mesh, prism_mesh
from unit.geometry.shapes import Solid, ball, box, surface_of, union, without


def test_a_closed_object_in_units_of_the_box() -> None:
    report = report_for_printing(cube_mesh())
    assert report.facts() == {
        "closed": True,
        "parts": 1,
        "hollows": 0,
        "faces": 12,
        "size_units": [1.0, 1.0, 1.0],
        "volume_units3": 1.0,
        "thinnest_units": pytest.approx(1.0, abs=1e-3),
    }
    assert report.told() == (
        "For printing: closed, 1 part, size 1 x 1 x 1 units, volume 1 cubic units, "
        "thinnest part about 1 units."
    )


def test_a_height_gives_millimetres() -> None:
    report = report_for_printing(prism_mesh(4, height=2.0), height_m=0.1)  # a square of side sqrt(1/2)
    facts = report.facts()
    assert facts["size_mm"] == pytest.approx([50, 50, 100])
    assert facts["volume_cm3"] == pytest.approx(0.5 * 2 * 50**3 / 1000, rel=1e-5)
    assert facts["thinnest_mm"] == pytest.approx(50 / np.sqrt(2), rel=1e-2)
    assert "size 50 x 50 x 100 mm, volume 125 cm³, thinnest part about 35 mm" in report.told()


def test_a_hole_is_told_and_leaves_no_volume() -> None:
    report = report_for_printing(replace(cube_mesh(), faces=cube_mesh().faces[1:]))
    assert report.volume is None
    assert report.facts()["volume_units3"] is None
    assert report.told().startswith("For printing: not closed, 1 part, size")


def test_parts_and_hollows_are_counted() -> None:
    shell = without(ball(0.4, (-0.5, 0, 0)), ball(0.25, (-0.5, 0, 0)))
    report = report_for_printing(surface_of(union(shell, ball(0.3, (0.6, 0, 0)))))
    assert (report.parts, report.hollows) == (2, 1)
    assert "closed, 2 parts that do not touch and 1 hollow inside" in report.told()


@pytest.mark.parametrize(
    ("solid", "thickness"),
    [
        (ball(0.6), 1.2),
        (box((0.8, 0.8, 0.1)), 0.2),
        (union(box((0.8, 0.8, 0.3), (0, 0, 0.5)), box((0.08, 0.08, 0.7), (0, 0, -0.2))), 0.16),
        (without(box((0.8, 0.8, 0.8)), box((0.7, 0.7, 0.9), (0, 0, 0.3))), 0.1),
    ],
    ids=["ball", "plate", "leg", "walls"],
)
def test_the_thinnest_part_is_found(solid: Solid, thickness: float) -> None:
    found = thinnest_part(surface_of(solid, 64))
    assert found == pytest.approx(thickness, rel=0.1)


def test_a_sheet_has_nothing_behind_it() -> None:
    flat = grid_mesh(10)
    flat = replace(flat, vertices=flat.vertices * np.array([1, 1, 0], np.float32))
    assert thinnest_part(flat) is None
    assert report_for_printing(flat).facts()["thinnest_units"] is None
