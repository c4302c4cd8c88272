"""nvdiffrast needs a CUDA device; here a stand-in with its calling conventions draws what it would."""

import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from types import ModuleType

import pytest
import torch
from torch import Tensor

from shapewright.errors import ConfigError
from shapewright.geometry.cameras import turntable
from shapewright.render import nvdiffrast_views
from shapewright.render.differentiable_surface import render_surface_views
from shapewright.render.rasterize import ProjectedVertices, project, rasterize
from unit.render.solids import WEIGHTS, Solid, sphere

CAMERAS = turntable(5, size_px=24)[1:3]


class StandIn(ModuleType):
    """nvdiffrast.torch: its shapes, types and orders of arguments and results; no smoothing of outlines."""

    def __init__(self) -> None:
        super().__init__("nvdiffrast.torch")
        self.calls: list[str] = []

    def RasterizeCudaContext(self, device: torch.device) -> str:
        self.calls.append("context")
        return f"context of {device}"

    def rasterize(
        self, context: str, pos: Tensor, tri: Tensor, resolution: tuple[int, int], grad_db: bool = True
    ) -> tuple[Tensor, Tensor]:
        assert context.startswith("context of")
        assert pos.ndim == 3
        assert pos.shape[2] == 4
        assert pos.dtype == torch.float32
        assert tri.dtype == torch.int32
        assert pos.is_contiguous()
        assert tri.is_contiguous()
        assert (pos[0, :, 2].abs() <= pos[0, :, 3]).all(), "beyond the clipping planes"
        height, width = resolution
        size = pos.new_tensor([width, height])
        vertices = ProjectedVertices(
            points=(pos[0, :, :2] / pos[0, :, 3:] + 1) / 2 * size - 0.5,
            depth=pos[0, :, 3],
            height_px=height,
            width_px=width,
            pixel_width=0.0,
        )
        faces = tri.long()
        seen = rasterize(vertices, faces)
        corners = faces[seen.triangle.clamp(min=0)]
        index = torch.arange(height * width)
        center = torch.stack([index % width, index // width], dim=-1).float()
        a, b, c = (vertices.points[corners] - center[:, None]).unbind(dim=1)
        shares = torch.stack([twice_area(b, c), twice_area(c, a), twice_area(a, b)], dim=-1)
        shares = shares / vertices.depth[corners]
        shares = shares / shares.sum(dim=-1, keepdim=True)
        found = torch.stack([shares[:, 0], shares[:, 1], seen.inverse_depth, seen.triangle + 1.0], dim=-1)
        found = torch.where(seen.triangle[:, None] >= 0, found, torch.zeros(()))
        self.calls.append("rasterize")
        return found.view(1, height, width, 4), pos.new_zeros(1, height, width, 0)

    def interpolate(self, attr: Tensor, rast: Tensor, tri: Tensor) -> tuple[Tensor, Tensor]:
        assert attr.is_contiguous()
        assert attr.shape[0] == 1
        corners = attr[0, tri.long()[rast[0, ..., 3].long() - 1]]
        u, v = rast[0, ..., 0, None], rast[0, ..., 1, None]
        values = corners[..., 0, :] * u + corners[..., 1, :] * v + corners[..., 2, :] * (1 - u - v)
        self.calls.append("interpolate")
        return torch.where(rast[0, ..., 3:] > 0, values, 0.0)[None], rast.new_zeros(0)

    def antialias(self, color: Tensor, rast: Tensor, pos: Tensor, tri: Tensor) -> Tensor:
        assert color.is_contiguous()
        assert color.shape[:3] == rast.shape[:3]
        self.calls.append("antialias")
        return color


def twice_area(a: Tensor, b: Tensor) -> Tensor:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    stand_in, package = StandIn(), ModuleType("nvdiffrast")
    package.__spec__ = ModuleSpec("nvdiffrast", None)
    monkeypatch.setitem(sys.modules, "nvdiffrast", package)
    monkeypatch.setitem(sys.modules, "nvdiffrast.torch", stand_in)
    nvdiffrast_views.context.cache_clear()
    yield stand_in
    nvdiffrast_views.context.cache_clear()


def test_its_pictures_are_ours(library: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvdiffrast_views, "can_draw", lambda device: True)
    field = Solid(sphere(0.6, (0.1, 0.2, 0.0)))
    theirs = render_surface_views(field, WEIGHTS, CAMERAS, resolution=24)
    assert library.calls == ["context"] + ["rasterize", "interpolate", "antialias"] * 2
    ours = render_surface_views(field, WEIGHTS, CAMERAS, resolution=24, supersample=4, backend="torch")
    # our outlines are smoothed, the stand-in's are not: by at most half of one of 16 samples' rows
    assert (theirs.coverage - ours.coverage).abs().max() <= 0.15
    inside = ours.coverage == 1
    assert inside.sum() > 100
    assert (theirs.color - ours.color)[inside].abs().max() < 1e-3


def test_gradients_pass_through_it(library: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvdiffrast_views, "can_draw", lambda device: True)
    center = torch.tensor([0.1, 0.2, 0.0], requires_grad=True)
    field = Solid(lambda positions: 0.6 - (positions - center).norm(dim=-1))
    render_surface_views(field, WEIGHTS, CAMERAS, resolution=24).color.sum().backward()
    assert center.grad is not None
    assert center.grad.norm() > 0


def test_it_is_used_on_cuda_devices_where_it_is_installed_only(library: StandIn) -> None:
    assert nvdiffrast_views.can_draw(torch.device("cuda", 0))
    assert not nvdiffrast_views.can_draw(torch.device("cpu"))


def test_asked_for_where_it_cannot_draw_it_is_refused() -> None:
    with pytest.raises(ConfigError, match="use the backend 'torch'"):
        render_surface_views(Solid(sphere(0.5)), WEIGHTS, CAMERAS, resolution=16, backend="nvdiffrast")


def test_clip_coordinates_have_our_pixels() -> None:
    positions = torch.rand(50, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    clip = nvdiffrast_views.clip_positions(positions, CAMERAS[0])
    pixels = (clip[:, :2] / clip[:, 3:] + 1) / 2 * 24 - 0.5
    torch.testing.assert_close(pixels, project(positions, CAMERAS[0]).points, atol=1e-4, rtol=1e-5)
    order = clip[:, 3].argsort()
    assert torch.equal((clip[:, 2] / clip[:, 3]).argsort(), order)  # nearer is smaller


@pytest.mark.gpu
def test_the_library_itself_draws_the_same() -> None:
    pytest.importorskip("nvdiffrast")
    field = Solid(sphere(0.6, (0.1, 0.2, 0.0))).cuda()
    weights = [part.cuda() for part in WEIGHTS]
    theirs = render_surface_views(field, weights, CAMERAS, resolution=24, backend="nvdiffrast")
    ours = render_surface_views(field, weights, CAMERAS, resolution=24, supersample=4, backend="torch")
    assert (theirs.color - ours.color).abs().max() < 0.05
    assert (theirs.coverage - ours.coverage).abs().max() < 0.05
