"""USDZ files by usd-core: a package of one mesh with a UsdPreviewSurface material.

Source: the USDZ and UsdPreviewSurface specifications. +Y up; a unit is a metre.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from PIL import Image

from shapewright.errors import AssetFileError, OutputError
from shapewright.geometry.light import linear_to_srgb, srgb_to_linear
from shapewright.geometry.mesh import ROUGHNESS, Material, Mesh, TexturedMesh, vertex_normals
from shapewright.geometry.texture_file import png_bytes, texture_array

__all__ = ["read_usdz", "usdz_bytes"]

MISSING = "USDZ files need the library usd-core: pip install 'shapewright[usd]'."


def usdz_bytes(mesh: Mesh) -> bytes:
    """A .usdz file of `mesh` (already +Y up), with its texture, or vertex colours where there is none.

    Raises: OutputError if usd-core is not installed.
    """
    usd = _usd(OutputError)
    with tempfile.TemporaryDirectory() as folder:
        layer = Path(folder) / "asset.usdc"
        stage = usd.Usd.Stage.CreateNew(str(layer))
        usd.UsdGeom.SetStageUpAxis(stage, usd.UsdGeom.Tokens.y)
        usd.UsdGeom.SetStageMetersPerUnit(stage, 1.0)
        root = usd.UsdGeom.Xform.Define(stage, "/asset")
        stage.SetDefaultPrim(root.GetPrim())
        shape = _define_mesh(usd, stage, mesh)
        if mesh.texture is not None:
            (Path(folder) / "color.png").write_bytes(png_bytes(mesh.texture.image))
        material = _define_material(usd, stage, textured=mesh.texture is not None)
        usd.UsdShade.MaterialBindingAPI.Apply(shape.GetPrim()).Bind(material)
        stage.GetRootLayer().Save()
        package = Path(folder) / "asset.usdz"
        made = usd.UsdUtils.CreateNewUsdzPackage(usd.Sdf.AssetPath(str(layer)), str(package))
        assert made, "all files of the package are there"
        return package.read_bytes()


def _usd(error: type[OutputError] | type[AssetFileError]) -> Any:
    """The modules of usd-core, which is optional."""
    try:
        from pxr import Sdf, Usd, UsdGeom, UsdShade, UsdUtils, Vt
    except ImportError as missing:
        raise error(MISSING) from missing
    return SimpleNamespace(Sdf=Sdf, Usd=Usd, UsdGeom=UsdGeom, UsdShade=UsdShade, UsdUtils=UsdUtils, Vt=Vt)


def _define_mesh(usd: Any, stage: Any, mesh: Mesh) -> Any:
    shape = usd.UsdGeom.Mesh.Define(stage, "/asset/surface")
    from_numpy, tokens, types = usd.Vt, usd.UsdGeom.Tokens, usd.Sdf.ValueTypeNames
    vertices = np.ascontiguousarray(mesh.vertices, dtype=np.float32)
    shape.CreatePointsAttr(from_numpy.Vec3fArray.FromNumpy(vertices))
    shape.CreateFaceVertexCountsAttr(
        from_numpy.IntArray.FromNumpy(np.full(len(mesh.faces), 3, dtype=np.int32))
    )
    shape.CreateFaceVertexIndicesAttr(_indices(usd, mesh.faces))
    shape.CreateNormalsAttr(from_numpy.Vec3fArray.FromNumpy(vertex_normals(mesh.vertices, mesh.faces)))
    shape.SetNormalsInterpolation(tokens.vertex)
    shape.CreateSubdivisionSchemeAttr(tokens.none)
    shape.CreateDoubleSidedAttr(True)
    shape.CreateExtentAttr(from_numpy.Vec3fArray.FromNumpy(np.stack([vertices.min(0), vertices.max(0)])))
    api = usd.UsdGeom.PrimvarsAPI(shape)
    if mesh.texture is not None:
        uvs = api.CreatePrimvar("st", types.TexCoord2fArray, tokens.faceVarying)
        uvs.Set(from_numpy.Vec2fArray.FromNumpy(mesh.texture.uvs.astype(np.float32)))
        uvs.SetIndices(_indices(usd, mesh.texture.faces))
    elif mesh.vertex_colors is not None:
        linear = srgb_to_linear(mesh.vertex_colors).astype(np.float32)
        color = api.CreatePrimvar("displayColor", types.Color3fArray, tokens.vertex)
        color.Set(from_numpy.Vec3fArray.FromNumpy(linear))
    return shape


def _indices(usd: Any, faces: np.ndarray) -> Any:
    return usd.Vt.IntArray.FromNumpy(np.ascontiguousarray(faces.reshape(-1), dtype=np.int32))


def _define_material(usd: Any, stage: Any, *, textured: bool) -> Any:
    """Matt; its colour is the texture's, or the primvar displayColor's."""
    types = usd.Sdf.ValueTypeNames
    material = usd.UsdShade.Material.Define(stage, "/asset/material")
    surface = _define_shader(usd, stage, "surface", "UsdPreviewSurface")
    surface.CreateInput("roughness", types.Float).Set(ROUGHNESS)
    surface.CreateInput("metallic", types.Float).Set(0.0)
    if textured:
        reader = _define_shader(usd, stage, "coordinates", "UsdPrimvarReader_float2")
        reader.CreateInput("varname", types.String).Set("st")
        color = _define_shader(usd, stage, "color", "UsdUVTexture")
        color.CreateInput("file", types.Asset).Set("color.png")
        color.CreateInput("sourceColorSpace", types.Token).Set("sRGB")
        for wrap in ("wrapS", "wrapT"):
            color.CreateInput(wrap, types.Token).Set("clamp")
        result = reader.CreateOutput("result", types.Float2)
        color.CreateInput("st", types.Float2).ConnectToSource(result)
        output = color.CreateOutput("rgb", types.Float3)
    else:
        reader = _define_shader(usd, stage, "color", "UsdPrimvarReader_float3")
        reader.CreateInput("varname", types.String).Set("displayColor")
        output = reader.CreateOutput("result", types.Float3)
    surface.CreateInput("diffuseColor", types.Color3f).ConnectToSource(output)
    material.CreateSurfaceOutput().ConnectToSource(surface.ConnectableAPI(), "surface")
    return material


def _define_shader(usd: Any, stage: Any, name: str, kind: str) -> Any:
    shader = usd.UsdShade.Shader.Define(stage, f"/asset/material/{name}")
    shader.CreateIdAttr(kind)
    return shader


def read_usdz(path: Path, max_texture_px: int) -> TexturedMesh:
    """The mesh of a .usdz file as `usdz_bytes` writes them: one mesh of triangles, +Y up.

    Raises: AssetFileError for other packages, or if usd-core is not installed.
    """
    usd = _usd(AssetFileError)
    if not zipfile.is_zipfile(path):
        raise AssetFileError(f"{path} is not a USDZ package.")
    stage = usd.Usd.Stage.Open(str(path))
    shapes = [usd.UsdGeom.Mesh(prim) for prim in stage.Traverse() if prim.IsA(usd.UsdGeom.Mesh)]
    if len(shapes) != 1 or set(shapes[0].GetFaceVertexCountsAttr().Get()) != {3}:
        raise AssetFileError(f"{path} is not one mesh of triangles; convert it to GLB first.")
    faces = np.array(shapes[0].GetFaceVertexIndicesAttr().Get(), dtype=np.int64).reshape(-1, 3)
    api = usd.UsdGeom.PrimvarsAPI(shapes[0])
    uvs, colors = api.GetPrimvar("st"), api.GetPrimvar("displayColor")
    image = _package_image(path, max_texture_px)
    return TexturedMesh(
        vertices=np.array(shapes[0].GetPointsAttr().Get(), dtype=np.float64),
        faces=faces,
        face_materials=np.zeros(len(faces), dtype=np.int64),
        materials=(Material(diffuse=(1.0, 1.0, 1.0), texture=image),),
        face_uvs=np.array(uvs.ComputeFlattened(), np.float32).reshape(-1, 3, 2) if uvs.HasValue() else None,
        vertex_colors=linear_to_srgb(np.array(colors.Get())).astype(np.float32)
        if colors.HasValue()
        else None,
    )


def _package_image(path: Path, max_texture_px: int) -> np.ndarray | None:
    with zipfile.ZipFile(path) as package:
        pictures = [name for name in package.namelist() if name.endswith(".png")]
        if not pictures:
            return None
        with Image.open(io.BytesIO(package.read(pictures[0]))) as image:
            return texture_array(image, max_texture_px)
