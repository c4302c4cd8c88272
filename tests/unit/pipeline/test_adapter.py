"""Low-rank changes of a prior in a file: what they do, and which model they fit."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from shapewright.errors import ModelError
from shapewright.pipeline import Model, Pipeline
from shapewright.pipeline.adapter import Adapter, adapted, load_adapter, save_adapter
from tiny_models import FakeText, random_model, saved

LAYER = "backbone.resblocks.0.attn.c_qkv"


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return saved(random_model(), tmp_path / "model")


def adapter_for(model: Model, **changes: object) -> Adapter:
    generator = torch.Generator().manual_seed(0)
    pair = (torch.randn(4, 64, generator=generator), torch.randn(192, 4, generator=generator))
    adapter = Adapter(
        name="mine", base=model.config.name, base_sha256=model.sha256, scale=0.3, changes={LAYER: pair}
    )
    return replace(adapter, **changes)


def test_a_matrix_is_changed_by_the_scaled_product(model: Model) -> None:
    adapter = adapter_for(model)
    assert model.prior is not None
    before = {name: part.clone() for name, part in model.prior.state_dict().items()}
    changed = adapted(model, adapter).prior
    assert changed is not None
    down, up = adapter.changes[LAYER]
    for name, part in changed.state_dict().items():
        wanted = before[name] + 0.3 * (up @ down) if name == f"{LAYER}.weight" else before[name]
        assert torch.equal(part, wanted)
    after = model.prior.state_dict()
    assert all(torch.equal(after[name], part) for name, part in before.items())  # the base stays as it is


def test_it_comes_back_from_its_file_and_samples_say_so(model: Model, tmp_path: Path) -> None:
    adapter = adapter_for(model)
    save_adapter(tmp_path / "mine.safetensors", adapter)
    found = load_adapter(tmp_path / "mine.safetensors")
    assert (found.name, found.base, found.base_sha256, found.scale) == ("mine", "random", model.sha256, 0.3)
    for ours, theirs in zip(found.changes[LAYER], adapter.changes[LAYER], strict=True):
        assert torch.equal(ours, theirs)
    pipeline = Pipeline.from_pretrained(tmp_path / "model", adapter=tmp_path / "mine.safetensors")
    by_hand = Pipeline(adapted(model, found), text_encoder=FakeText())
    pipeline._conditioners = by_hand._conditioners
    (asset,), (same,) = (each.generate("a box", steps=2) for each in (pipeline, by_hand))
    (plain,) = Pipeline(model, text_encoder=FakeText()).generate("a box", steps=2)
    assert torch.equal(asset.latent, same.latent)
    assert not torch.equal(asset.latent, plain.latent)
    assert asset.origin.settings["adapter_sha256"] == found.sha256
    assert "adapter_sha256" not in plain.origin.settings
    # the decoder is the base's own, so the base opens what was drawn with the adapter
    asset.save(tmp_path / "box.latent.safetensors")
    opened = Pipeline(model).load(tmp_path / "box.latent.safetensors")
    assert torch.equal(opened.latent, asset.latent)


def test_adapters_of_other_models_are_refused(model: Model) -> None:
    with pytest.raises(ModelError, match=r"was made for the model 'random' .* and does not fit 'random'"):
        adapted(replace(model, sha256="other"), adapter_for(model))
    with pytest.raises(ModelError, match="has no prior that an adapter could change"):
        adapted(replace(model, prior=None), adapter_for(model))
    pair = (torch.zeros(4, 63), torch.zeros(192, 4))
    for changes in ({LAYER: pair}, {"backbone": pair}):
        with pytest.raises(ModelError, match="which the prior has not so"):
            adapted(model, adapter_for(model, changes=changes))


def test_files_that_are_no_adapters(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    with pytest.raises(ModelError, match="no adapter file"):
        load_adapter(path)
    path.write_bytes(b"damaged")
    with pytest.raises(ModelError, match="cannot be read"):
        load_adapter(path)
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(ModelError, match="its format is not shapewright-adapter-1"):
        load_adapter(path)
    save_file({"a.lora_A.weight": torch.zeros(1, 1)}, path, {"format": "shapewright-adapter-1"})
    with pytest.raises(ModelError, match="damaged"):
        load_adapter(path)
