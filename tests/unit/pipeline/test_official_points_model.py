"""Point-E's published files to a model folder and back."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from shapewright.errors import ModelError
from shapewright.interop.official_names import to_official
from shapewright.pipeline import PointEPipeline, load_points_model
from shapewright.pipeline.convert import convert
from shapewright.pipeline.pull import pull
from shapewright.pointe import PUBLISHED_STAGES
from tiny_points import SDF, VECTOR, awake_prior, awake_sdf, base_stage, upsampler_stage


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of files of the published names and structure, with small networks."""
    stages = {
        "base40M-textvec": base_stage(text_pooled_width=VECTOR),
        "base40M-imagevec": base_stage(text_pooled_width=VECTOR),
        "base40M-uncond": base_stage(),
        "upsample": upsampler_stage(),
    }
    for name, stage in stages.items():
        monkeypatch.setitem(PUBLISHED_STAGES, name, stage)
    monkeypatch.setattr("shapewright.pipeline.official_points_model.PUBLISHED_SDF", SDF)
    networks = {
        "base_40m_textvec": awake_prior(stages["base40M-textvec"]),
        "upsample_40m": awake_prior(stages["upsample"], seed=2),
        "sdf": awake_sdf(),
    }
    folder = tmp_path / "published"
    folder.mkdir()
    for name, network in networks.items():
        torch.save(to_official(network), folder / f"{name}.pt")
    return folder


def test_published_files_there_and_back_again(published: Path, tmp_path: Path) -> None:
    convert([published], tmp_path / "ours")
    model = load_points_model(tmp_path / "ours")
    assert (model.config.name, model.config.text, model.config.image) == ("ours", "clip", None)
    assert model.upsampler is not None
    assert model.sdf is not None
    assert "makes point clouds from text" in (tmp_path / "ours" / "README.md").read_text()
    files = convert([tmp_path / "ours"], tmp_path / "back", to="official")
    assert [path.name for path in files] == ["base_40m_textvec.pt", "sdf.pt", "upsample_40m.pt"]
    for path in files:
        first, back = (torch.load(place, weights_only=True) for place in (published / path.name, path))
        assert first.keys() == back.keys()
        assert all(torch.equal(first[name], back[name]) for name in first)


def test_a_pulled_model_draws_points(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHAPEWRIGHT_HOME", str(tmp_path / "home"))
    base = published / "base_40m_uncond.pt"
    torch.save(to_official(awake_prior(PUBLISHED_STAGES["base40M-uncond"])), base)
    with pytest.raises(ModelError, match="one base, but there are 2"):
        convert([published], tmp_path / "both")
    pull("point-e/base40M-uncond", source=published)
    (asset,) = PointEPipeline.from_pretrained("point-e/base40M-uncond").generate(seed=3)
    assert asset.cloud.positions.shape == (32, 3)


def test_what_does_not_fit_is_named(published: Path, tmp_path: Path) -> None:
    state = torch.load(published / "sdf.pt", weights_only=True)
    del state["ln_post.weight"]
    torch.save(state, published / "sdf.pt")
    with pytest.raises(ModelError, match=r"sdf\.pt'.*missing: ln_post\.weight"):
        convert([published], tmp_path / "ours")
    (published / "base_40m_textvec.pt").unlink()
    with pytest.raises(ModelError, match="one base, but there are 0"):
        convert([published], tmp_path / "ours")
    assert not (tmp_path / "ours").exists()


def test_a_base_of_other_sizes_has_no_published_name(published: Path, tmp_path: Path) -> None:
    from shapewright.pipeline.official_points_model import read_points_model, write_points_model

    model = read_points_model({"base_40m_textvec": published / "base_40m_textvec.pt"}, "small")
    other = replace(model, config=replace(model.config, base=base_stage(text_pooled_width=VECTOR, layers=1)))
    with pytest.raises(ModelError, match="not the sizes of any published one"):
        write_points_model(other, tmp_path)
