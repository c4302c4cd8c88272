"""Prompts and pictures to point clouds, with tiny random models and CLIPs: what is the same, what differs."""

from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

from shapewright import PointEPipeline
from shapewright.errors import ConfigError, ImageError, ModelError, OutputError, PromptError
from shapewright.pipeline import save_points_model
from shapewright.pointe import PointPrior
from shapewright.prior import Condition
from shapewright.prior.prior import ConditionTokens
from tiny_points import ADDED_POINTS, BASE_POINTS, random_points_model, save_clip

KINDS = ("text", "vector", "image", "nothing")
PROMPTS = ["bed", "lamp", "sofa"]


@pytest.fixture(scope="module")
def pipelines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, PointEPipeline]:
    """One of each kind, from folders with a CLIP inside."""
    made = {}
    for kind in KINDS:
        folder = tmp_path_factory.mktemp(kind)
        save_points_model(folder, random_points_model(kind), card="", dtype=torch.float32)
        if kind != "nothing":
            save_clip(folder / "clip")
        made[kind] = PointEPipeline.from_pretrained(folder, device="cpu")
    return made


def pictures() -> list[Image.Image]:
    return [Image.new("RGB", (28, 28), color) for color in ("red", "green", "blue")]


def test_a_cloud_depends_on_its_seed_and_prompt_only(pipelines: dict[str, PointEPipeline]) -> None:
    pipeline = pipelines["text"]
    together = pipeline.generate(PROMPTS, seed=5, n=2)
    in_small_batches = pipeline.generate(PROMPTS, seed=5, n=2, batch_size=1)
    assert [(a.prompt, a.seed) for a in together] == [(p, s) for p in PROMPTS for s in (5, 6)]
    for asset, other in zip(together, in_small_batches, strict=True):
        alone = pipeline.generate(asset.prompt, seed=asset.seed or 0)[0]
        assert len(asset.cloud) == BASE_POINTS + ADDED_POINTS
        for found in (alone, other):
            # bits are the same on the processors tried; where products of other shapes round differently, the
            # first steps (sigma 120) of a random network make 1e-2 of it, seeds differ by 1
            np.testing.assert_allclose(found.cloud.positions, asset.cloud.positions, atol=2e-2)
            np.testing.assert_allclose(found.cloud.colors, asset.cloud.colors, atol=2e-2)


def test_what_changes_a_cloud(pipelines: dict[str, PointEPipeline]) -> None:
    pipeline = pipelines["text"]
    first = pipeline.generate("bed")[0].cloud.positions
    others = [
        pipeline.generate("bed", seed=1),
        pipeline.generate("lamp"),
        pipeline.generate("bed", guidance=1.0),
        pipeline.generate("bed", steps=4),
    ]
    for (other,) in others:
        assert np.abs(other.cloud.positions - first).max() > 1e-3


@pytest.mark.parametrize("kind", ["vector", "image"])
def test_pictures_are_seen(pipelines: dict[str, PointEPipeline], kind: str, tmp_path: Path) -> None:
    pipeline = pipelines[kind]
    red, green, _ = pipeline.generate(image=pictures())
    assert np.abs(red.cloud.positions - green.cloud.positions).max() > 1e-4
    pictures()[1].save(tmp_path / "leaf.png")
    (read,) = pipeline.generate(image=tmp_path / "leaf.png")
    assert (read.prompt, green.prompt) == ("leaf", "picture")
    np.testing.assert_allclose(read.cloud.positions, green.cloud.positions, atol=2e-2)


def pictures_told(upsampler: PointPrior, monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """From here on, what the upsampler is told of pictures, once for every batch."""
    seen: list[torch.Tensor] = []
    embed = upsampler.embed

    def spied(told: Condition, dtype: torch.dtype) -> ConditionTokens:
        assert told.image_tokens is not None
        seen.append(told.image_tokens)
        return embed(told, dtype)

    monkeypatch.setattr(upsampler, "embed", spied)
    return seen


def test_the_upsampler_sees_the_picture_too(
    pipelines: dict[str, PointEPipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    upsampler = pipelines["vector"].model.upsampler
    assert upsampler is not None
    seen = pictures_told(upsampler, monkeypatch)
    pipelines["vector"].generate(image=pictures()[0])
    assert float(seen[0].abs().sum()) > 0


def test_for_a_prompt_the_upsampler_sees_zeros(
    pipelines: dict[str, PointEPipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    upsampler = pipelines["text"].model.upsampler
    assert upsampler is not None
    seen = pictures_told(upsampler, monkeypatch)
    pipelines["text"].generate("bed")
    assert seen[0].shape == (1, 4, 16)
    assert float(seen[0].abs().sum()) == 0


def test_a_free_model_is_asked_for_nothing(pipelines: dict[str, PointEPipeline]) -> None:
    first, second = pipelines["nothing"].generate(n=2)
    assert np.abs(first.cloud.positions - second.cloud.positions).max() > 1e-3
    with pytest.raises(ModelError, match="from text"):
        pipelines["nothing"].generate("bed")


def test_progress_counts_the_steps_of_all_batches(pipelines: dict[str, PointEPipeline]) -> None:
    seen: list[tuple[int, int]] = []
    pipelines["text"].generate(PROMPTS, batch_size=2, progress=lambda done, total: seen.append((done, total)))
    # two batches of three and two steps
    assert seen == [(done, 10) for done in range(1, 11)]


def test_the_origin_says_how_a_cloud_was_made(pipelines: dict[str, PointEPipeline]) -> None:
    origin = pipelines["text"].generate("  bed ", seed=3, steps=2)[0].origin
    assert (origin.prompt, origin.seed, origin.model) == ("bed", 3, "random points")
    assert origin.settings == {"steps": 2, "guidance": 3.0, "method": "heun"}
    assert origin.model_sha256 == pipelines["text"].model.sha256


def test_files_hold_the_points_or_their_mesh(pipelines: dict[str, PointEPipeline], tmp_path: Path) -> None:
    (asset,) = pipelines["text"].generate("bed")
    asset.export(tmp_path / "points.ply")
    points = trimesh.load(tmp_path / "points.ply")
    assert isinstance(points, trimesh.PointCloud)
    np.testing.assert_allclose(points.vertices, asset.cloud.positions, atol=1e-6)
    mesh = asset.mesh(12)
    assert len(mesh.faces) > 0
    assert mesh.is_watertight
    asset.export(tmp_path / "mesh.ply", mesh=True, resolution=12, smallest_part=0.0)
    read = trimesh.load_mesh(tmp_path / "mesh.ply", process=False)
    assert len(read.faces) == len(asset.surface(12).faces)
    with pytest.raises(OutputError, match=r"'\.obj'"):
        asset.export(tmp_path / "points.obj")


def test_without_an_sdf_model_there_are_points_only(tmp_path: Path) -> None:
    save_clip(tmp_path / "clip")
    model = random_points_model(clip=str(tmp_path / "clip"), with_parts=False)
    (asset,) = PointEPipeline(model, device="cpu").generate("bed")
    assert len(asset.cloud) == BASE_POINTS
    with pytest.raises(ModelError, match="no SDF network"):
        asset.mesh()


@pytest.mark.parametrize("prompt", ["", "  ", [], ["bed", ""], "bed " * 2000])
def test_unusable_prompts_are_refused(pipelines: dict[str, PointEPipeline], prompt: str | list[str]) -> None:
    with pytest.raises(PromptError):
        pipelines["text"].generate(prompt)


def test_unusable_pictures_are_refused(pipelines: dict[str, PointEPipeline], tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    empty = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    for image in (tmp_path / "none.png", tmp_path / "broken.png", empty, []):
        with pytest.raises(ImageError):
            pipelines["image"].generate(image=image)


@pytest.mark.parametrize("settings", [{"n": 0}, {"seed": -1}, {"steps": 0}, {"guidance": -1.0}])
def test_settings_out_of_range_are_refused(
    pipelines: dict[str, PointEPipeline], settings: dict[str, int]
) -> None:
    with pytest.raises(ConfigError):
        pipelines["text"].generate("bed", **settings)


def test_a_model_is_asked_for_what_it_takes(pipelines: dict[str, PointEPipeline]) -> None:
    with pytest.raises(ConfigError, match="give it a prompt"):
        pipelines["text"].generate()
    with pytest.raises(ConfigError, match="give it an image"):
        pipelines["image"].generate()
    with pytest.raises(ConfigError, match="not both"):
        pipelines["text"].generate("bed", image=pictures())
    with pytest.raises(ModelError, match="from images"):
        pipelines["text"].generate(image=pictures())


def test_a_clip_that_is_not_there_or_does_not_fit(tmp_path: Path) -> None:
    model = random_points_model(clip=str(tmp_path / "nothing"))
    (tmp_path / "nothing").mkdir()
    with pytest.raises(ModelError, match="Cannot load CLIP"):
        PointEPipeline(model, device="cpu").generate("bed")

    class Narrow:
        width_pooled, width_tokens, max_tokens = 5, 5, 4

        def encode(self, prompts):
            from shapewright.conditioning import TextFeatures

            mask = torch.ones(len(prompts), 4, dtype=torch.bool)
            return TextFeatures(
                pooled=torch.zeros(len(prompts), 5), tokens=torch.zeros(len(prompts), 4, 5), mask=mask
            )

    with pytest.raises(ModelError, match="width 5, but 'random points' takes 8"):
        PointEPipeline(model, text_encoder=Narrow(), device="cpu").generate("bed")
