"""Published checkpoints as files: in, out, and what may be wrong with them."""

import os
from pathlib import Path

import pytest
import torch
import yaml
from torch import Tensor

from official_models import golden_case, write_official_files
from shapewright.errors import ConfigError, ModelError
from shapewright.interop.official import OfficialDecoder, OfficialTransmitter
from shapewright.interop.official_files import read_config, read_official, read_state, write_official
from shapewright.interop.official_names import BACKGROUND, default_weights
from shapewright.interop.official_settings import EncoderInputSizes
from shapewright.prior import Condition, Prior

CASES = ["decoder_small", "transmitter_small", "prior_text_small", "prior_image_small"]


@pytest.fixture
def checkpoint(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    config, state = golden_case(request.param)
    torch.save(state, tmp_path / "there.pt")
    (tmp_path / "there_config.yaml").write_text(yaml.safe_dump(config))
    return tmp_path / "there.pt"


def outputs(model: OfficialDecoder | OfficialTransmitter | Prior) -> list[Tensor]:
    """Something that every parameter of decoder or prior has a part in."""
    numbers = torch.Generator().manual_seed(0)
    with torch.no_grad():
        if isinstance(model, Prior):
            x = torch.randn(1, model.config.latent_tokens, model.config.latent_channels, generator=numbers)
            features = torch.randn(1, 16, 1024, generator=numbers)
            condition = Condition(image_tokens=features)
            if model.config.image_token_width is None:
                condition = Condition(text_pooled=features[:, 0, :768])
            return [model(x, torch.tensor([7]), condition)]
        field = model.field if isinstance(model, OfficialDecoder) else model.autoencoder.field
        latent = torch.randn(1, field.config.latent_tokens, field.config.latent_channels, generator=numbers)
        seen = field.query(field.weights(latent), torch.rand(1, 50, 3, generator=numbers) * 2 - 1)
        return [seen.signed_distance, seen.density_fine, seen.stf_color, seen.color_fine]


@pytest.mark.parametrize("checkpoint", CASES, indirect=True)
def test_a_checkpoint_survives_us(checkpoint: Path) -> None:
    model = read_official(checkpoint)
    back = checkpoint.with_name("back.pt")
    sizes = None
    match model:
        case OfficialDecoder():
            write_official(back, model.field, renderer=model.renderer)
        case OfficialTransmitter():
            sizes = EncoderInputSizes.read(read_config(checkpoint))
            write_official(back, model.autoencoder, renderer=model.renderer, sizes=sizes)
        case Prior():
            write_official(back, model)
    first, again = read_state(checkpoint), read_state(back)
    assert again.keys() == first.keys()
    part = {OfficialDecoder: "field", OfficialTransmitter: "autoencoder"}.get(type(model))
    replaced = set(default_weights(getattr(model, part))) if part else set()
    for name in first.keys() - replaced:
        assert torch.equal(again[name], first[name]), name
    config, expected = read_config(back), read_config(checkpoint)
    if BACKGROUND in first:  # the stored colour goes before the configured one
        expected["renderer"]["void"]["background"] = pytest.approx(first[BACKGROUND].tolist())
    assert config == expected
    for ours, ours_again in zip(outputs(model), outputs(read_official(back)), strict=True):
        assert torch.equal(ours, ours_again)
    left = {path.name for path in checkpoint.parent.iterdir()}
    assert left == {"there.pt", "there_config.yaml", "back.pt", "back_config.yaml"}


def test_half_precision_is_read_as_fp32(tmp_path: Path) -> None:
    (path,) = write_official_files(tmp_path, "text_cond")
    prior = read_official(path)
    assert isinstance(prior, Prior)
    write_official(tmp_path / "half.pt", prior, dtype=torch.float16)
    assert all(value.dtype == torch.float16 for value in read_state(tmp_path / "half.pt").values())
    again = read_official(tmp_path / "half.pt")
    assert isinstance(again, Prior)
    assert again.input_proj.weight.dtype == torch.float32
    assert torch.equal(again.input_proj.weight, prior.input_proj.weight.half().float())


def test_a_published_name_needs_no_yaml_but_the_published_sizes(tmp_path: Path) -> None:
    (path,) = write_official_files(tmp_path, "text_cond")
    (tmp_path / "text_cond_config.yaml").unlink()
    assert read_config(path)["inner"]["width"] == 1024
    path.rename(tmp_path / "mine.pt")
    with pytest.raises(ModelError, match=r"no mine_config\.yaml beside it.*like a published file"):
        read_config(tmp_path / "mine.pt")


def test_parameters_that_do_not_fit_are_told_with_the_file(tmp_path: Path) -> None:
    (path,) = write_official_files(tmp_path, "text_cond")
    state = read_state(path)
    del state["wrapped.pos_emb"]
    path.unlink()  # the tensors are still in it
    torch.save(state, path)
    with pytest.raises(ModelError, match=r"text_cond\.pt'.*missing: wrapped\.pos_emb"):
        read_official(path)


def test_a_configuration_that_does_not_fit_is_told_with_the_file(tmp_path: Path) -> None:
    (path,) = write_official_files(tmp_path, "text_cond")
    config = read_config(path)
    (tmp_path / "text_cond_config.yaml").write_text(yaml.safe_dump(config | {"colour": 1}))
    with pytest.raises(ConfigError, match=r"text_cond\.pt'.*config\.colour"):
        read_official(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "cannot be read as YAML"),
        ("- 1", "should hold a model's settings, not list"),
        ("name: !!python/object/apply:os.getcwd []", "cannot be read as YAML"),
        ("name: CrossAttentionPointCloudSDFModel", "describes a 'CrossAttentionPointCloudSDFModel'; known"),
    ],
)
def test_a_configuration_that_is_none_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (path,) = write_official_files(tmp_path, "text_cond")
    (tmp_path / "text_cond_config.yaml").write_text(text)
    with pytest.raises((ModelError, ConfigError), match=message):
        read_official(path)


class Booby:
    """What a pickle with code would do if it were run."""

    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, ("was_run",))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": Booby()}, "holds code or whole objects"),
        (Booby(), "holds code or whole objects"),
        (torch.nn.Linear(2, 2), "holds code or whole objects"),
        ([torch.zeros(1)], "holds a list, not a dictionary of tensors"),
        ({"model": {"a": torch.zeros(1)}}, "its entry 'model' is a dict; give the state dictionary alone"),
        ({"a": 3}, "its entry 'a' is a int"),
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_only_dictionaries_of_tensors_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: object, message: str, zipped: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(content, "x.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(ModelError, match=message):
        read_state(Path("x.pt"))
    assert not Path("was_run").exists()


@pytest.mark.parametrize("damage", ["truncated", "overwritten", "page", "empty"])
@pytest.mark.parametrize("zipped", [True, False])
def test_damaged_files_are_told_as_such(tmp_path: Path, damage: str, zipped: bool) -> None:
    path = tmp_path / "x.pt"
    torch.save({"a": torch.ones(5000)}, path, _use_new_zipfile_serialization=zipped)
    content = path.read_bytes()
    changed = {
        "truncated": content[: len(content) // 2],
        "overwritten": content[:10] + bytes(100) + content[110:],
        "page": b"<html>Sign in to this network</html>",
        "empty": b"",
    }
    path.write_bytes(changed[damage])
    with pytest.raises(ModelError, match="damaged or something else"):
        read_state(path)


def test_files_of_old_versions_are_read(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(3)}, tmp_path / "x.pt", _use_new_zipfile_serialization=False)
    assert torch.equal(read_state(tmp_path / "x.pt")["a"], torch.ones(3))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no checkpoint"):
        read_state(tmp_path / "x.pt")
