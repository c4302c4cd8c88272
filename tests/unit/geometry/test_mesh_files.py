import json
import struct
from dataclasses import replace

import numpy as np
import pytest
import trimesh
from PIL import Image
from pxr import Usd, UsdGeom, UsdValidation

from shapewright.errors import AssetFileError, OutputError
from shapewright.geometry import mesh_files
from shapewright.geometry.light import srgb_to_linear
from shapewright.geometry.mesh import Mesh, Texture


def pyramid() -> Mesh:
    """A base in the plane z = 0, its tip high on +Z; dark and bright colours."""
    return Mesh(
        vertices=np.array([[-1, -1, 0], [1, -1, 0], [0, 1, 0], [0, 0, 2]], dtype=np.float32),
        faces=np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]]),
        vertex_colors=np.array([[0.05, 0.1, 0.02], [1, 0, 0], [0, 1, 0], [0.5, 0.5, 1]], dtype=np.float32),
    )


def corner_colors(mesh) -> np.ndarray:
    """The colour of every corner of every face, by position."""
    faces = np.repeat(np.arange(len(mesh.faces)), 3)
    return mesh.surface_colors(faces, np.tile(np.eye(3, dtype=np.float32), (len(mesh.faces), 1)))[:, :3]


def painted_pyramid() -> Mesh:
    """Each face lies in a quarter of a texture of its own colour; the vertices are grey."""
    image = np.zeros((64, 64, 3), dtype=np.uint8)
    image[:32, :32], image[:32, 32:], image[32:, :32], image[32:, 32:] = QUARTERS
    low = np.array([[0.1, 0.6], [0.6, 0.6], [0.1, 0.1], [0.6, 0.1]])  # corners of the quarters, v upwards
    uvs = (low[:, None] + np.array([[0, 0], [0.3, 0], [0, 0.3]])).reshape(-1, 2)
    return replace(
        pyramid(),
        vertex_colors=np.full((4, 3), 0.5, dtype=np.float32),
        texture=Texture(
            image=image,
            uvs=uvs.astype(np.float32),
            source=pyramid().faces.reshape(-1),
            faces=np.arange(12).reshape(4, 3),
        ),
    )


QUARTERS = np.array([[200, 40, 40], [40, 200, 40], [40, 40, 200], [220, 220, 30]], dtype=np.uint8)


@pytest.mark.parametrize("suffix", sorted(mesh_files.TEXTURED))
def test_round_trip_keeps_the_texture(tmp_path, suffix):
    mesh_files.save(painted_pyramid(), tmp_path / f"a{suffix}")
    loaded = mesh_files.load(tmp_path / f"a{suffix}")
    np.testing.assert_allclose(loaded.vertices[loaded.faces], pyramid().vertices[pyramid().faces], atol=1e-6)
    middles = loaded.surface_colors(np.arange(4), np.full((4, 3), 1 / 3, dtype=np.float32))[:, :3]
    np.testing.assert_allclose(middles, QUARTERS / 255, atol=1e-6)


@pytest.mark.parametrize("suffix", [".ply", ".3mf"])
def test_formats_without_textures_have_the_vertices_colours(tmp_path, suffix):
    mesh_files.save(painted_pyramid(), tmp_path / f"a{suffix}")
    np.testing.assert_allclose(corner_colors(mesh_files.load(tmp_path / f"a{suffix}")), 0.5, atol=1 / 255)


def test_textured_glb_has_smooth_normals_and_a_matt_material(tmp_path):
    mesh_files.save(painted_pyramid(), tmp_path / "a.glb")
    document, binary = read_glb(tmp_path / "a.glb")
    attributes = document["meshes"][0]["primitives"][0]["attributes"]
    assert set(attributes) == {"POSITION", "NORMAL", "TEXCOORD_0"}, "COLOR_0 would darken the texture"
    view = document["bufferViews"][document["accessors"][attributes["NORMAL"]]["bufferView"]]
    normals = np.frombuffer(binary, "<f4", count=36, offset=view["byteOffset"]).reshape(12, 3)
    source = painted_pyramid().texture.source
    for vertex in range(4):  # the copies of a vertex share the normal of the whole surface
        assert np.ptp(normals[source == vertex], axis=0).max() == 0
    pbr = document["materials"][0]["pbrMetallicRoughness"]
    assert (pbr["metallicFactor"], pbr["roughnessFactor"]) == (0.0, 0.9)
    assert pbr["baseColorTexture"] == {"index": 0}
    assert document["images"][0]["mimeType"] == "image/png"


def test_textured_obj_is_three_files_named_after_it(tmp_path):
    mesh_files.save(painted_pyramid(), tmp_path / "my chair.obj")
    assert {path.name for path in tmp_path.iterdir()} == {
        "my chair.obj",
        "my chair.mtl",
        "my chair_texture.png",
    }
    assert "mtllib my chair.mtl\n" in (tmp_path / "my chair.obj").read_text()
    assert "map_Kd my chair_texture.png\n" in (tmp_path / "my chair.mtl").read_text()
    assert trimesh.load_scene(tmp_path / "my chair.obj").geometry, "another reader accepts it"


def test_an_obj_whose_companion_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "a_texture.png").mkdir()
    with pytest.raises(OutputError, match=r"a_texture\.png"):
        mesh_files.save(painted_pyramid(), tmp_path / "a.obj")
    assert [path.name for path in tmp_path.iterdir()] == ["a_texture.png"]


@pytest.mark.parametrize("mesh", [painted_pyramid(), pyramid()], ids=["texture", "vertex colours"])
def test_usdz_passes_all_of_usds_validators(tmp_path, mesh):
    mesh_files.save(mesh, tmp_path / "a.usdz")
    stage = Usd.Stage.Open(str(tmp_path / "a.usdz"))
    validators = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    assert len(validators) > 10
    found = UsdValidation.ValidationContext(validators).Validate(stage)
    assert [error.GetMessage() for error in found] == []
    assert UsdGeom.GetStageUpAxis(stage) == "Y"
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1.0


def test_3mf_is_in_metres_and_read_by_others(tmp_path):
    mesh_files.save(pyramid(), tmp_path / "a.3mf")
    scene = trimesh.load_scene(tmp_path / "a.3mf")
    assert scene.units == "meter"
    (geometry,) = scene.geometry.values()
    assert geometry.is_watertight
    assert geometry.volume == pytest.approx(4 / 3)  # base 2, height 2; positive: faces look outwards


def test_3mf_components_and_places_of_others_are_read(tmp_path):
    scene = trimesh.Scene()
    cube = trimesh.creation.box()
    scene.add_geometry(cube, transform=trimesh.transformations.translation_matrix((5, 0, 0)))
    scene.add_geometry(cube.copy(), transform=trimesh.transformations.translation_matrix((0, 3, 0)))
    scene.export(tmp_path / "a.3mf")
    mesh = mesh_files.load(tmp_path / "a.3mf")
    assert len(mesh.faces) == 24
    np.testing.assert_allclose(mesh.vertices.max(axis=0), [5.5, 3.5, 0.5], atol=1e-6)


@pytest.mark.parametrize(
    ("suffix", "tolerance"),
    [(".glb", 1e-6), (".ply", 1 / 255), (".obj", 1e-5), (".3mf", 1 / 255), (".usdz", 1e-6)],
)
def test_round_trip_keeps_shape_orientation_and_colours(tmp_path, suffix, tolerance):
    mesh_files.save(pyramid(), tmp_path / f"a{suffix}")
    loaded = mesh_files.load(tmp_path / f"a{suffix}")
    np.testing.assert_allclose(loaded.vertices[loaded.faces], pyramid().vertices[pyramid().faces], atol=1e-6)
    np.testing.assert_allclose(
        corner_colors(loaded), pyramid().vertex_colors[pyramid().faces].reshape(-1, 3), atol=tolerance
    )


def test_stl_round_trip_keeps_the_shape(tmp_path):
    mesh_files.save(pyramid(), tmp_path / "a.stl")
    loaded = mesh_files.load(tmp_path / "a.stl")
    np.testing.assert_allclose(loaded.vertices[loaded.faces], pyramid().vertices[pyramid().faces], atol=1e-6)


@pytest.mark.parametrize("suffix", [".off", ".3mf", ".gltf"])
def test_other_formats_are_read(tmp_path, suffix):
    made = mesh_files.to_trimesh(pyramid())
    if suffix == ".gltf":
        for name, data in made.export(file_type="gltf").items():
            (tmp_path / name).write_bytes(data)
        (tmp_path / "model.gltf").rename(tmp_path / "a.gltf")
    else:
        made.export(tmp_path / f"a{suffix}")
    loaded = mesh_files.load(tmp_path / f"a{suffix}")
    assert len(loaded.faces) == 4
    tip = loaded.vertices[loaded.faces].reshape(-1, 3).max(axis=0)
    # Written as it is, a glTF file's +Y is taken for up: the tip, on the file's +Z, points to -Y.
    assert tip[2] == pytest.approx(1 if suffix == ".gltf" else 2)


def read_glb(path) -> tuple[dict, bytes]:
    data = path.read_bytes()
    magic, version, total = struct.unpack_from("<4sII", data)
    assert (magic, version, total) == (b"glTF", 2, len(data))
    length = struct.unpack_from("<I", data, 12)[0]
    return json.loads(data[20 : 20 + length]), data[28 + length :]


def test_glb_is_y_up_with_linear_colours_and_a_matt_material(tmp_path):
    mesh_files.save(pyramid(), tmp_path / "a.glb")
    document, binary = read_glb(tmp_path / "a.glb")
    attributes = document["meshes"][0]["primitives"][0]["attributes"]
    position = document["accessors"][attributes["POSITION"]]
    np.testing.assert_allclose(position["max"], [1, 2, 1])  # height on Y
    view = document["bufferViews"][document["accessors"][attributes["COLOR_0"]]["bufferView"]]
    colors = np.frombuffer(binary, "<f4", count=12, offset=view["byteOffset"]).reshape(4, 3)
    np.testing.assert_allclose(colors, srgb_to_linear(pyramid().vertex_colors), atol=1e-6)
    pbr = document["materials"][0]["pbrMetallicRoughness"]
    assert pbr["metallicFactor"] == 0
    assert pbr["baseColorFactor"] == [1, 1, 1, 1]
    assert trimesh.load_scene(tmp_path / "a.glb").geometry, "another reader accepts it"


def test_glb_without_colours(tmp_path):
    mesh = Mesh(vertices=pyramid().vertices, faces=pyramid().faces)
    mesh_files.save(mesh, tmp_path / "a.glb")
    assert len(mesh_files.load(tmp_path / "a.glb").faces) == 4


def test_textured_gltf_scene_with_transforms(tmp_path):
    box = trimesh.creation.box()
    picture = Image.new("RGB", (4, 4), (255, 255, 255))
    material = trimesh.visual.material.PBRMaterial(baseColorTexture=picture, baseColorFactor=[255, 0, 0, 255])
    box.visual = trimesh.visual.TextureVisuals(uv=np.zeros((len(box.vertices), 2)), material=material)
    scene = trimesh.Scene()
    scene.add_geometry(box, transform=trimesh.transformations.translation_matrix((5, 0, 0)))
    scene.add_geometry(trimesh.creation.icosphere())
    scene.export(tmp_path / "a.glb")
    mesh = mesh_files.load(tmp_path / "a.glb")
    assert len(mesh.faces) == 12 + len(trimesh.creation.icosphere().faces)
    textured = [index for index, material in enumerate(mesh.materials) if material.texture is not None]
    faces = np.flatnonzero(np.isin(mesh.face_materials, textured))
    assert mesh.vertices[mesh.faces[faces]][..., 0].max() == pytest.approx(5.5)
    color = mesh.surface_colors(faces[:1], np.full((1, 3), 1 / 3, np.float32))
    np.testing.assert_allclose(color[0], (1, 0, 0, 1), atol=1e-2)


def test_face_colours_become_materials(tmp_path):
    made = mesh_files.to_trimesh(pyramid())
    made.visual = trimesh.visual.ColorVisuals(made, face_colors=[[255, 0, 0, 255]] * 3 + [[0, 0, 255, 255]])
    made.export(tmp_path / "a.off")
    mesh = mesh_files.load(tmp_path / "a.off")
    assert len(mesh.faces) == 4


def test_own_rotation_comes_before_turning_upright(tmp_path):
    (tmp_path / "a.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 0 3\nf 1 2 3\n")
    swap = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])  # the file's z becomes its y, which is up
    mesh = mesh_files.load(tmp_path / "a.obj", own_rotation=swap)
    np.testing.assert_allclose(mesh.vertices.max(axis=0), [1, 0, 3], atol=1e-12)


def test_million_triangles(tmp_path):
    side = 708
    x, y = np.meshgrid(np.linspace(0, 1, side), np.linspace(0, 1, side))
    vertices = np.stack([x, y, x * y], axis=-1).reshape(-1, 3)
    corner = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).reshape(-1)
    faces = np.concatenate(
        [
            np.stack([corner, corner + 1, corner + side], axis=1),
            np.stack([corner + 1, corner + side + 1, corner + side], axis=1),
        ]
    )
    trimesh.Trimesh(vertices, faces, process=False).export(tmp_path / "big.stl")
    assert len(mesh_files.load(tmp_path / "big.stl").faces) == len(faces) > 999_000


@pytest.mark.parametrize("suffix", sorted(mesh_files.READERS))
@pytest.mark.parametrize(
    "content", [b"", b"\x00\xff\x13garbage" * 50, b"ply\nformat ascii 1.0\nend_header\n"]
)
def test_empty_and_garbage_files_get_one_sentence(tmp_path, suffix, content):
    path = tmp_path / f"bad{suffix}"
    path.write_bytes(content)
    with pytest.raises(AssetFileError, match="bad") as caught:
        mesh_files.load(path)
    assert "\n" not in str(caught.value)


def test_missing_unknown_points_only_and_nan(tmp_path):
    with pytest.raises(AssetFileError, match="does not exist"):
        mesh_files.load(tmp_path / "none.glb")
    with pytest.raises(AssetFileError, match=r"'\.fbx'.*expected one of \.3mf"):
        mesh_files.load(tmp_path / "a.fbx")
    trimesh.PointCloud(np.eye(3)).export(tmp_path / "points.ply")
    with pytest.raises(AssetFileError, match="no triangles"):
        mesh_files.load(tmp_path / "points.ply")
    (tmp_path / "nan.obj").write_text("v 0 0 0\nv 1 nan 0\nv 0 1 0\nf 1 2 3\n")
    with pytest.raises(AssetFileError, match="not finite"):
        mesh_files.load(tmp_path / "nan.obj")


def test_unwritable_places_and_unknown_suffixes_leave_nothing_behind(tmp_path):
    with pytest.raises(OutputError, match=r"\.fbx.*\.glb"):
        mesh_files.save(pyramid(), tmp_path / "a.fbx")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        mesh_files.save(pyramid(), tmp_path / "file" / "a.glb")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_corners_closer_than_a_micrometre_stay_apart_in_3mf(tmp_path) -> None:
    mesh = pyramid()
    mesh.vertices[3] = mesh.vertices[2] + np.float32([0, 0, 4e-7])
    mesh_files.save(mesh, tmp_path / "flat.3mf")
    corners = mesh_files.load(tmp_path / "flat.3mf").vertices.astype(np.float32)
    assert len(np.unique(corners, axis=0)) == 4
