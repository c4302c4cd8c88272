"""The published text model's whole path, deep but narrow: CLIP, 24 layers, 64 Heun steps, field, mesh."""

from pathlib import Path

import numpy as np
import pytest
import torch

from shapewright import Pipeline
from tiny_official import official_model, save_official


@pytest.mark.slow
def test_a_prompt_becomes_a_mesh_by_the_published_recipe(tmp_path: Path) -> None:
    folder = save_official(tmp_path / "model", official_model("text", layers=24, steps=64))
    pipeline = Pipeline.from_pretrained(folder, device="cpu", keep_encoders=False)
    evaluations: list[int] = []
    prior = pipeline.model.prior
    assert prior is not None
    prior.register_forward_hook(lambda _, inputs, __: evaluations.append(len(inputs[0])))
    assets = pipeline.generate(["bed", "a sofa"], seed=7)
    assert evaluations == [4] * 127  # two prompts in two branches; the last of 64 Heun steps is Euler's
    assert assets[0].origin.settings == {"steps": 64, "guidance": 15.0, "method": "heun"}
    first, second = (asset.latent for asset in assets)
    assert first.shape == (64, 32)
    assert first.abs().max() <= 1.0
    assert (first - second).abs().max() > 1e-2
    alone = Pipeline.from_pretrained(folder, device="cpu").generate("a sofa", seed=7)[0]
    # bits are the same on the processors tried; elsewhere 127 evaluations add up their rounding, and
    # guidance 15 magnifies the difference of two branches
    torch.testing.assert_close(alone.latent, second, atol=1e-3, rtol=1e-3)
    mesh = assets[0].mesh(32)
    assert len(mesh.faces) > 10
    assert np.isfinite(mesh.vertices).all()
