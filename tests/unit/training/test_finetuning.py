"""Whole fine-tunings of four steps: what they leave, what they leave alone, and how they are resumed."""

import hashlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from official_models import write_official_files
from own_models import few_steps, write_own_models
from shapewright.conditioning import TextFeatures
from shapewright.errors import CheckpointError, ConfigError, ModelError
from shapewright.pipeline import Model, Pipeline, load_model
from shapewright.pipeline.convert import convert
from shapewright.training.finetuning import Finetuned, finetune, load_base
from shapewright.training.recipes.finetuning import Method
from tiny_models import FakeText, random_model, saved
from tiny_official import TRANSMITTER, official_model, save_official
from unit.training.tiny_runs import losses_of

METHODS: tuple[Method, ...] = ("lora", "full")


@dataclass(frozen=True)
class Shelf:
    """The base's folder, one's own models, and the data made of them once."""

    base: Path
    own: Path
    first: dict[Method, Path]

    def run(self, method: Method, out: Path, **settings: Any) -> Finetuned:
        base = load_base(self.base)
        return finetune(self.own, base, out, few_steps(method, base), name="mine", **settings)


@pytest.fixture(autouse=True)
def _fake_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shapewright.conditioning.minilm.MiniLM", FakeText)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """With a run of each method in one go; later ones take over their data, so that it is built once."""
    place = tmp_path_factory.mktemp("shelf")
    saved(random_model(), place / "base")
    shelf = Shelf(place / "base", write_own_models(place / "own"), {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shapewright.conditioning.minilm.MiniLM", FakeText)
        for method in METHODS:
            share_data(shelf, place / method)
            shelf.run(method, place / method)
            shelf.first[method] = place / method
    return shelf


def share_data(shelf: Shelf, run: Path) -> Path:
    """Let the new run have the data of the first."""
    run.mkdir(parents=True)
    for first in list(shelf.first.values())[:1]:
        (run / "data").symlink_to(first / "data")
    return run


def states_of(model: Model) -> dict[str, dict[str, Tensor]]:
    assert model.prior is not None
    parts: dict[str, nn.Module] = {"autoencoder": model.autoencoder, "prior": model.prior}
    return {name: part.state_dict() for name, part in parts.items()}


def changed(first: Model, second: Model, part: str = "prior") -> set[str]:
    one, other = states_of(first)[part], states_of(second)[part]
    assert one.keys() == other.keys()
    return {name for name in one if not torch.equal(one[name], other[name])}


def test_lora_changes_matrices_of_the_blocks_only(shelf: Shelf) -> None:
    base, model = load_model(shelf.base), load_model(shelf.first["lora"] / "model")
    different = changed(base, model)
    assert len(different) == 8  # four in each of two blocks
    assert all(name.startswith("backbone.resblocks.") and name.endswith(".weight") for name in different)


def test_full_fine_tuning_reaches_everything(shelf: Shelf) -> None:
    base, model = load_model(shelf.base), load_model(shelf.first["full"] / "model")
    assert {"pos_emb", "input_proj.weight", "output_proj.bias", "text_token_embed.1.weight"} <= changed(
        base, model
    )
    assert not (shelf.first["full"] / "adapter.safetensors").exists()


@pytest.mark.parametrize("method", METHODS)
def test_only_the_prior_is_another(shelf: Shelf, method: Method) -> None:
    base, model = load_model(shelf.base), load_model(shelf.first[method] / "model")
    assert changed(base, model, "autoencoder") == set()
    assert base.statistics is not None
    assert model.statistics is not None
    assert torch.equal(model.statistics.mean, base.statistics.mean)
    assert torch.equal(model.statistics.std, base.statistics.std)
    assert model.config == replace(base.config, name="mine")
    card = (shelf.first[method] / "model" / "README.md").read_text()
    assert "random, fine-tuned on 2 3D models" in card
    assert base.sha256 in card
    (asset,) = Pipeline.from_pretrained(shelf.first[method] / "model").generate("a zorbix", steps=2)
    assert torch.isfinite(asset.latent).all()


def test_base_and_adapter_are_the_merged_model(shelf: Shelf) -> None:
    run = shelf.first["lora"]
    merged = Pipeline.from_pretrained(run / "model")
    together = Pipeline.from_pretrained(shelf.base, adapter=run / "adapter.safetensors")
    # the same sum in fp32, saved in fp32: the same bits
    assert changed(merged.model, together.model) == set()
    (one,), (other,) = (pipe.generate("a zorbix", steps=2) for pipe in (merged, together))
    assert torch.equal(one.latent, other.latent)
    assert (run / "adapter.safetensors").stat().st_size < (run / "model" / "model.safetensors").stat().st_size


@pytest.mark.parametrize("method", METHODS)
def test_a_stopped_run_goes_on_to_the_same_bits(shelf: Shelf, tmp_path: Path, method: Method) -> None:
    def stop(done: int, total: int, losses: dict[str, float]) -> None:
        if done == 2:
            raise KeyboardInterrupt

    before = hashlib.sha256((shelf.base / "model.safetensors").read_bytes()).hexdigest()
    run = share_data(shelf, tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        shelf.run(method, run, progress=stop)
    stages: list[str] = []
    shelf.run(method, run, working=lambda stage, done, total: stages.append(stage))
    assert "encode" not in stages  # latents were kept
    assert losses_of(run) == losses_of(shelf.first[method])
    assert changed(load_model(run / "model"), load_model(shelf.first[method] / "model")) == set()
    assert hashlib.sha256((shelf.base / "model.safetensors").read_bytes()).hexdigest() == before


def test_a_run_goes_on_with_what_it_was_begun_with_only(shelf: Shelf, tmp_path: Path) -> None:
    base, recipe = load_base(shelf.base), few_steps("lora", load_base(shelf.base))
    own = write_own_models(tmp_path / "own")
    run = share_data(shelf, tmp_path / "run")
    # one folder name is as good as another; captions are not
    finetune(own, base, run, recipe, name="mine")
    (own / "captions.csv").write_text("file,caption\nprism.ply,a quindle\n")
    with pytest.raises(CheckpointError, match="begun with another set of captions; choose another folder"):
        finetune(own, base, run, recipe, name="mine")
    (own / "captions.csv").write_text("file,caption\nprism.ply,a zorbix\nprism.ply,a grey zorbix\n")
    with pytest.raises(CheckpointError, match=r"other settings \(loop\)"):
        finetune(own, base, run, few_steps("lora", base, learning_rate=1.0), name="mine")
    other = replace(base, sha256="other")
    with pytest.raises(CheckpointError, match="begun with another base model"):
        finetune(own, other, run, recipe, name="mine")


class PublishedEncoders:
    """Stand-ins for CLIP ViT-L/14, of its widths: what models in the published files are told."""

    width_pooled, width_tokens, max_tokens = 768, 1024, 16

    def encode(self, subjects: Sequence[Any]) -> Any:
        if not all(isinstance(subject, str) for subject in subjects):
            return torch.stack([seeded(16, 1024, seed=picture.tobytes()) for picture in subjects])
        pooled = torch.cat([seeded(1, 768, seed=text.encode()) for text in subjects])
        tokens = torch.zeros(len(subjects), 1, 1024)
        return TextFeatures(pooled=pooled, tokens=tokens, mask=torch.ones(len(subjects), 1) > 0)


def seeded(*shape: int, seed: bytes) -> Tensor:
    number = int.from_bytes(hashlib.sha256(seed).digest()[:4], "big")
    return torch.randn(shape, generator=torch.Generator().manual_seed(number))


@pytest.mark.parametrize(("kind", "method"), [("text", "lora"), ("text", "full"), ("image", "lora")])
def test_published_files_are_fine_tuned_to_published_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, method: Method
) -> None:
    for loader in ("load_text_encoder", "load_image_encoder"):
        monkeypatch.setattr(f"shapewright.training.finetuning.{loader}", lambda *_: PublishedEncoders())
    paths = write_official_files(tmp_path / "published", "transmitter", f"{kind}_cond")
    convert(paths, tmp_path / "base")
    own, base = write_own_models(tmp_path / "own"), load_base(tmp_path / "base")
    done = finetune(own, base, tmp_path / "run", few_steps(method, base), name="mine")
    model = load_model(done.model)
    assert model.statistics is None
    assert changed(base, model)
    convert([done.model], tmp_path / "tuned", to="official")
    convert([tmp_path / "base"], tmp_path / "untouched", to="official")
    for name, same in (("transmitter", True), (f"{kind}_cond", False)):
        before, after = (
            torch.load(tmp_path / folder / f"{name}.pt", weights_only=True)
            for folder in ("untouched", "tuned")
        )
        assert before.keys() == after.keys()
        assert all(torch.equal(before[key], after[key]) for key in before) == same
    convert([tmp_path / "tuned"], tmp_path / "back", name="mine")
    assert changed(load_model(tmp_path / "back"), model) == set()


def test_a_clip_in_the_base_comes_along(tmp_path: Path) -> None:
    """And an image prior is told the views of the models, as it will be told pictures."""
    folder = save_official(tmp_path / "base", official_model("image", encoder=TRANSMITTER))
    own, base = write_own_models(tmp_path / "own"), load_base(folder)
    done = finetune(own, base, tmp_path / "run", few_steps("lora", base), name="mine")
    assert (done.model / "clip" / "model.safetensors").is_file()
    (asset,) = Pipeline.from_pretrained(done.model).generate(image=picture(tmp_path), steps=2)
    (before,) = Pipeline.from_pretrained(folder).generate(image=picture(tmp_path), steps=2)
    assert torch.isfinite(asset.latent).all()
    assert not torch.equal(asset.latent, before.latent)


def picture(folder: Path) -> Path:
    from PIL import Image

    Image.new("RGB", (32, 32), "red").save(folder / "red.png")
    return folder / "red.png"


def test_bases_that_cannot_be_fine_tuned(tmp_path: Path) -> None:
    saved(random_model(with_prior=False), tmp_path / "prior-less")
    with pytest.raises(ModelError, match="'random' has no prior and cannot be fine-tuned: take one with"):
        load_base(tmp_path / "prior-less")
    save_official(tmp_path / "decoder", official_model("text"))
    with pytest.raises(ModelError, match="'official' has no encoder and cannot be fine-tuned"):
        load_base(tmp_path / "decoder")
    with pytest.raises(ModelError, match="no model or model folder 'nothing'"):
        load_base("nothing")


def test_without_peft_lora_says_what_to_install(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'shapewright\[train\]', or fine-tune the whole"):
        shelf.run("lora", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_base_is_rehearsed_beside_the_models(shelf: Shelf, tmp_path: Path) -> None:
    base, run = load_base(shelf.base), share_data(shelf, tmp_path / "run")
    finetune(shelf.own, base, run, replace(few_steps("lora", base), rehearsal=3), name="mine")
    assert (run / "rehearsal.safetensors").is_file()
    assert losses_of(run)[0] != losses_of(shelf.first["lora"])[0]
