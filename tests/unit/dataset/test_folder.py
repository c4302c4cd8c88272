import pytest

from shapewright.dataset.folder import read_folder
from shapewright.errors import DatasetError


def test_every_mesh_file_with_readable_names(shelf):
    assets = {asset.id: asset for asset in read_folder(shelf)}
    assert sorted(assets) == [
        "empty-ply", "garbage-glb", "nan-obj", "pill-stl", "redball-obj", "round-can-obj", "round-ring-obj",
        "tall-box-obj",
    ]  # fmt: skip
    assert assets["redball-obj"].name == "red Ball"
    assert assets["tall-box-obj"].name == "tall box"
    assert assets["round-ring-obj"].category == "round"


def test_captions_csv(shelf):
    (shelf / "captions.csv").write_text(
        '\ufefffile,caption,other\nredBall.obj,"a red ball, shiny",1\n'
        "redBall.obj,a sphere,\nround/can.obj,,\n",
        encoding="utf-8",
    )
    assets = {asset.id: asset for asset in read_folder(shelf)}
    assert assets["redball-obj"].captions == ("a red ball, shiny", "a sphere")
    assert assets["round-can-obj"].captions == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [("name,text\na,b\n", "columns 'file' and 'caption'"), ("file,caption\nno.obj,x\n", r"line 2.*no\.obj")],
)
def test_faulty_captions_are_refused(shelf, text, message):
    (shelf / "captions.csv").write_text(text)
    with pytest.raises(DatasetError, match=message):
        read_folder(shelf)


def test_captions_that_are_not_text(shelf):
    (shelf / "captions.csv").write_bytes(b"file,caption\nredBall.obj,\xff\xfe\n")
    with pytest.raises(DatasetError, match="UTF-8"):
        read_folder(shelf)


def test_missing_and_empty_folders(tmp_path):
    with pytest.raises(DatasetError, match="not a folder"):
        read_folder(tmp_path / "none")
    with pytest.raises(DatasetError, match="no mesh files"):
        read_folder(tmp_path)


def test_names_too_alike(shelf):
    (shelf / "red_ball.obj").write_text("")
    (shelf / "red ball.obj").write_text("")
    with pytest.raises(DatasetError, match="too alike"):
        read_folder(shelf)
