import numpy as np
import pytest
import trimesh

from shapewright.dataset.split import geometry_signature, group_assets, name_stem, side_of_group
from shapewright.geometry.mesh import TexturedMesh


def signature(mesh: trimesh.Trimesh) -> str:
    return geometry_signature(
        TexturedMesh(
            vertices=np.asarray(mesh.vertices),
            faces=np.asarray(mesh.faces, dtype=np.int64),
            face_materials=np.zeros(len(mesh.faces), dtype=np.int64),
        )
    )


def cone() -> trimesh.Trimesh:
    return trimesh.creation.cone(0.5, 2.0)


@pytest.mark.parametrize(
    "matrix",
    [np.diag([3, 3, 3, 1]), np.diag([1, 2, 5, 1]), np.diag([-1, 1, 1, 1]), np.eye(4)[[2, 0, 1, 3]]],
    ids=["scaled", "stretched", "mirrored", "turned"],
)
def test_twins_have_one_signature(matrix):
    assert signature(cone().apply_transform(matrix)) == signature(cone())


def test_other_shapes_have_other_signatures():
    assert (
        len(
            {
                signature(cone()),
                signature(trimesh.creation.cylinder(0.5, 2)),
                signature(trimesh.creation.box()),
            }
        )
        == 3
    )


def test_stems_ignore_colour_case_and_separators_but_not_numbers():
    assert name_stem("Chair_red") == name_stem("chair") == name_stem("darkChair") == "chair"
    assert name_stem("chair1") != name_stem("chair2")
    assert name_stem("red") == "red"


def test_groups_join_through_any_shared_key_in_any_order():
    keys = {"a": ("s1", "n1"), "b": ("s2", "n1"), "c": ("s2", "n3"), "d": ("s4", "n4")}
    groups = group_assets(keys)
    assert groups["a"] == groups["b"] == groups["c"] != groups["d"]
    assert group_assets(dict(reversed(keys.items()))) == groups


def test_about_the_wanted_share_is_held_back_and_stays_there():
    sides = [side_of_group(f"group {index}", 0.08) for index in range(5000)]
    assert 0.07 < sides.count("val") / 5000 < 0.09
    larger = [side_of_group(f"group {index}", 0.2) for index in range(5000)]
    assert all(after == "val" for before, after in zip(sides, larger, strict=True) if before == "val")
    assert side_of_group("anything", 0.0) == "train"
