import numpy as np
import pytest
from PIL import Image

from shapewright.errors import AssetFileError
from shapewright.geometry.obj_file import read_obj

SQUARE = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n"


def write(folder, text, mtl=None, name="model.obj"):
    if mtl is not None:
        (folder / "model.mtl").write_text(mtl)
        text = "mtllib model.mtl\n" + text
    path = folder / name
    path.write_bytes(text.encode("latin-1"))
    return path


def color_of(mesh, face=0):
    return mesh.surface_colors(np.array([face]), np.array([[0.4, 0.3, 0.3]], dtype=np.float32))[0]


@pytest.mark.parametrize(
    "face",
    ["f 1 2 3 4", "f 1/1 2/2 3/3 4/4", "f 1//1 2//1 3//1 4//1", "f 1/1/1 2/2/1 3/3/1 4/4/1", "f -4 -3 -2 -1"],
)
def test_every_way_to_write_a_corner(tmp_path, face):
    text = SQUARE + "vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\nvn 0 0 1\n" + face
    mesh = read_obj(write(tmp_path, text))
    np.testing.assert_array_equal(mesh.faces, [[0, 1, 2], [0, 2, 3]])
    if "/" in face and "//" not in face:
        np.testing.assert_array_equal(mesh.face_uvs[0], [[0, 0], [1, 0], [1, 1]])


def test_corners_of_both_kinds_in_one_file(tmp_path):
    mesh = read_obj(write(tmp_path, SQUARE + "vt 0.5 0.25\nf 1 2 3\nf 1/1 3/1 4/1\n"))
    np.testing.assert_array_equal(mesh.face_uvs[0], np.zeros((3, 2)))
    np.testing.assert_array_equal(mesh.face_uvs[1], np.tile([0.5, 0.25], (3, 1)))


def test_texture_replaces_kd(tmp_path):
    Image.new("RGB", (4, 4), (0, 128, 255)).save(tmp_path / "t.png")
    mtl = "newmtl a\nKd 0 0 0\nmap_Kd t.png\n"
    mesh = read_obj(write(tmp_path, SQUARE + "vt 0 0\nusemtl a\nf 1/1 2/1 3/1\n", mtl))
    np.testing.assert_allclose(color_of(mesh), (0, 128 / 255, 1, 1), atol=1e-3)
    assert mesh.materials[0].texture_name == "t.png"


@pytest.mark.parametrize(
    "statement", [r"C:\Users\me\Wood Oak.PNG", "maps/wood oak.png", "WOOD OAK.png", "-s 1 1 1 plain.png"]
)
def test_textures_by_base_name_in_any_case(tmp_path, statement):
    Image.new("RGB", (4, 4), (255, 0, 0)).save(tmp_path / "wood oak.png")
    Image.new("RGB", (4, 4), (255, 0, 0)).save(tmp_path / "plain.png")
    mesh = read_obj(
        write(tmp_path, SQUARE + "vt 0 0\nusemtl a\nf 1/1 2/1 3/1\n", f"newmtl a\nmap_Kd {statement}\n")
    )
    np.testing.assert_allclose(color_of(mesh), (1, 0, 0, 1), atol=1e-3)


@pytest.mark.parametrize("texture", ["missing.png", "broken.png"])
def test_without_its_texture_kd_shows(tmp_path, texture):
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    mtl = f"newmtl a\nKd 0.2 0.4 0.6\nd 0.5\nmap_Kd {texture}\n"
    mesh = read_obj(write(tmp_path, SQUARE + "vt 0 0\nusemtl a\nf 1/1 2/1 3/1\n", mtl))
    np.testing.assert_allclose(color_of(mesh), (0.2, 0.4, 0.6, 0.5), atol=1e-6)


def test_undefined_materials_and_missing_libraries_are_grey(tmp_path):
    mesh = read_obj(write(tmp_path, "mtllib nowhere.mtl\n" + SQUARE + "usemtl ghost\nf 1 2 3\n"))
    np.testing.assert_allclose(color_of(mesh), (0.8, 0.8, 0.8, 1), atol=1e-6)


def test_faces_keep_their_materials_in_order(tmp_path):
    mtl = "newmtl a\nKd 1 0 0\nnewmtl b\nKd 0 0 1\nKd nonsense\n"
    text = SQUARE + "f 1 2 3\nusemtl a\nf 1 2 3 4\nusemtl b\nf 1 2 3\nusemtl a\nf 2 3 4\n"
    mesh = read_obj(write(tmp_path, text, mtl))
    colors = [tuple(np.round(color_of(mesh, face)[:3], 2)) for face in range(len(mesh.faces))]
    grey, red, blue = (0.8, 0.8, 0.8), (1, 0, 0), (0, 0, 1)
    assert colors == [pytest.approx(c) for c in (grey, red, red, blue, red)]


def test_an_opacity_map_gives_alpha(tmp_path):
    Image.new("RGB", (4, 4), (0, 255, 0)).save(tmp_path / "leaf.png")
    Image.new("L", (2, 2), 0).save(tmp_path / "mask.png")
    mtl = "newmtl a\nmap_Kd leaf.png\nmap_d mask.png\n"
    mesh = read_obj(write(tmp_path, SQUARE + "vt 0 0\nusemtl a\nf 1/1 2/1 3/1\n", mtl))
    np.testing.assert_allclose(color_of(mesh), (0, 1, 0, 0), atol=1e-3)


def test_vertex_colours_in_the_common_extension(tmp_path):
    text = "v 0 0 0 1 0 0\nv 1 0 0 1 0 0\nv 0 1 0 1 0 0\nf 1 2 3\n"
    mesh = read_obj(write(tmp_path, text))
    np.testing.assert_array_equal(mesh.vertex_colors, np.tile([1, 0, 0], (3, 1)))


def test_faces_that_point_nowhere_are_dropped(tmp_path):
    mesh = read_obj(write(tmp_path, SQUARE + "f 1 2 9\nf 0 1 2\nf 1 2\nf 1 2 3\n"))
    np.testing.assert_array_equal(mesh.faces, [[0, 1, 2]])


def test_line_ends_comments_and_odd_bytes(tmp_path):
    text = "# caf\xe9\r\n" + SQUARE.replace("\n", "\r\n") + "o caf\xe9\r\nf 1 \\\r\n 2 3\r\nl 1 2\r\n"
    np.testing.assert_array_equal(read_obj(write(tmp_path, text)).faces, [[0, 1, 2]])


@pytest.mark.parametrize(
    "text", ["", "v 0 0 0\n", SQUARE + "f 7 8 9\n", SQUARE + "f a b c\n", "v 1 x 3\n" + SQUARE + "f 1 2 3\n"]
)
def test_useless_files_are_refused_with_their_name(tmp_path, text):
    with pytest.raises(AssetFileError, match=r"model\.obj"):
        read_obj(write(tmp_path, text))
