"""Materials of Wavefront MTL files, and the textures they mean.

Known faults it reads through: textures named by a foreign absolute path or in the wrong case, unreadable
pictures, materials used but never defined, missing libraries.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath

import numpy as np

from shapewright.geometry.mesh import Material
from shapewright.geometry.texture_file import load_texture

__all__ = ["UNDEFINED", "read_materials"]

UNDEFINED = Material()


def read_materials(
    folder: Path, libraries: list[str], names: list[str], undefined: Material, max_texture_px: int
) -> tuple[Material, ...]:
    """The materials `names` from the library files in `folder`; those found nowhere are `undefined`."""
    defined: dict[str, _Definition] = {}
    for name in libraries:
        library = _find_file(folder, name)
        if library is not None:
            defined.update(_read_mtl(library))
    return tuple(
        _material(defined[name], folder, max_texture_px) if name in defined else replace(undefined, name=name)
        for name in names
    )


@dataclass(frozen=True, kw_only=True)
class _Definition:
    """One `newmtl` block."""

    name: str
    diffuse: tuple[float, float, float] = (0.8, 0.8, 0.8)
    alpha: float = 1.0
    texture: str | None = None
    alpha_texture: str | None = None


def _read_mtl(path: Path) -> dict[str, _Definition]:
    found: dict[str, _Definition] = {}
    current = _Definition(name="")
    for line in path.read_bytes().decode("latin-1").splitlines():
        key, _, value = line.strip().partition(" ")
        if key == "newmtl":
            current = _Definition(name=value.strip())
        elif current.name:
            current = _with_property(current, key, value.strip())
        found[current.name] = current
    return found


def _with_property(definition: _Definition, key: str, value: str) -> _Definition:
    """`definition` with one MTL line applied; lines that make no sense change nothing."""
    try:
        if key == "Kd":
            red, green, blue = (min(max(float(part), 0.0), 1.0) for part in value.split()[:3])
            return replace(definition, diffuse=(red, green, blue))
        if key == "d":
            return replace(definition, alpha=min(max(float(value.split()[-1]), 0.0), 1.0))
    except (ValueError, IndexError):
        return definition
    if key == "map_Kd":
        return replace(definition, texture=value)
    if key == "map_d":
        return replace(definition, alpha_texture=value)
    return definition


def _material(definition: _Definition, folder: Path, max_texture_px: int) -> Material:
    texture = _find_texture(folder, definition.texture, max_texture_px)
    opacity = _find_texture(folder, definition.alpha_texture, max_texture_px)
    if texture is not None and opacity is not None and definition.alpha_texture != definition.texture:
        texture = _with_opacity(texture, opacity)
    return Material(
        diffuse=definition.diffuse,
        alpha=definition.alpha,
        texture=texture,
        name=definition.name,
        texture_name=PureWindowsPath(definition.texture or "").name,
    )


def _with_opacity(texture: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """`texture` with its alpha taken from the brightness of `opacity`, brought to the same size."""
    rows = np.arange(texture.shape[0]) * opacity.shape[0] // texture.shape[0]
    columns = np.arange(texture.shape[1]) * opacity.shape[1] // texture.shape[1]
    brightness = opacity[rows[:, None], columns[None, :], :3].mean(axis=-1)
    return np.concatenate([texture[..., :3], brightness[..., None].astype(np.uint8)], axis=-1)


def _find_texture(folder: Path, statement: str | None, max_texture_px: int) -> np.ndarray | None:
    if not statement:
        return None
    # Options such as "-s 1 1 1" come before the name; a name may hold spaces, so try all of it first.
    for name in (statement, statement.split()[-1]):
        file = _find_file(folder, name)
        if file is not None:
            return load_texture(file, max_texture_px)
    return None


def _find_file(folder: Path, name: str) -> Path | None:
    """The file a statement means: as written, or by base name (also of a Windows path), in any case."""
    name = name.strip().strip('"')
    direct = folder / name
    base = PureWindowsPath(name).name
    if not base:
        return None
    if "\0" not in name and direct.is_file():
        return direct
    for candidate in sorted(folder.iterdir()):
        if candidate.name.lower() == base.lower() and candidate.is_file():
            return candidate
    return None
