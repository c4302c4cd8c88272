"""In which precision priors are loaded and sampled."""

from dataclasses import replace
from inspect import unwrap
from pathlib import Path

import pytest
import torch

from shapewright import Pipeline
from shapewright.errors import ConfigError, ModelError
from shapewright.pipeline import Model, load_model, save_model
from shapewright.pipeline import precision as precision_module
from shapewright.pipeline.precision import Precision, choose_precision
from shapewright.prior import PriorConfig
from shapewright.prior.precision import is_lowered, lower, precision_of
from tiny_models import FakeText, random_model

CPU = torch.device("cpu")
LARGE, SMALL = PriorConfig(text_pooled_width=768), PriorConfig(width=256, layers=10, heads=8)


@pytest.fixture(autouse=True)
def _fake_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shapewright.conditioning.minilm.MiniLM", FakeText)


@pytest.fixture(scope="module", params=[torch.float16, torch.bfloat16], ids=["fp16", "bf16"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    save_model(folder, random_model(), card="# A random model\n", dtype=request.param)
    return folder


@pytest.mark.parametrize(
    ("wanted", "fast", "config", "expected"),
    [
        ("auto", True, LARGE, torch.bfloat16),
        ("auto", False, LARGE, torch.float32),
        ("auto", True, SMALL, torch.float32),
        ("auto", True, None, torch.float32),
        ("bf16", False, SMALL, torch.bfloat16),
        ("fp32", True, LARGE, torch.float32),
    ],
)
def test_bf16_is_for_large_priors_on_processors_that_have_it(
    monkeypatch: pytest.MonkeyPatch,
    wanted: Precision,
    fast: bool,
    config: PriorConfig | None,
    expected: torch.dtype,
) -> None:
    monkeypatch.setattr(precision_module, "has_bf16", lambda: fast)
    assert choose_precision(wanted, CPU, config) == expected
    assert choose_precision(wanted, torch.device("mps"), config) == (
        torch.float32 if wanted == "auto" else expected
    )


def test_an_unknown_precision() -> None:
    # types are checked in tests; whoever calls without such checks is told
    with pytest.raises(ConfigError, match="no precision 'int3'; known are auto, fp32, bf16"):
        unwrap(precision_module.chosen)("int3", CPU, None)


def test_a_prior_is_read_lowered_as_it_would_be_lowered_later(folder: Path) -> None:
    read, later = load_model(folder, precision=torch.bfloat16).prior, load_model(folder).prior
    assert read is not None
    assert later is not None
    lower(later, torch.bfloat16)
    for (name, ours), theirs in zip(read.state_dict().items(), later.state_dict().values(), strict=True):
        assert ours.dtype == theirs.dtype == (torch.bfloat16 if is_lowered(name) else torch.float32), name
        assert torch.equal(ours, theirs), name


def test_samples_in_bf16_say_so_and_are_near_those_in_fp32(folder: Path) -> None:
    exact, fast, usual = (
        Pipeline.from_pretrained(folder, device="cpu", precision=precision)
        for precision in ("fp32", "bf16", "auto")
    )
    assert [pipeline.precision for pipeline in (exact, fast, usual)] == ["fp32", "bf16", "fp32"]
    one, other, same = (pipeline.generate("a red chair")[0] for pipeline in (exact, fast, usual))
    assert torch.equal(same.latent, one.latent)
    assert "precision" not in one.origin.settings
    assert other.origin.settings["precision"] == "bf16"
    # bf16 rounds to 2^-9; guidance 3 and the steps multiply that by about ten: see prior/test_precision.py
    assert 0 < float((one.latent - other.latent).norm() / one.latent.norm()) < 0.06


def test_without_its_encoder_a_model_draws_the_same(folder: Path, tmp_path: Path) -> None:
    whole, part = (Pipeline.from_pretrained(folder, device="cpu", with_encoder=w) for w in (True, False))
    assert part.model.autoencoder.encoder is None
    assert torch.equal(part.generate("a chair")[0].latent, whole.generate("a chair")[0].latent)
    from shapewright.geometry.mesh_files import save
    from solids import cube_mesh

    save(cube_mesh(), tmp_path / "cube.ply")
    with pytest.raises(ModelError, match="no encoder"):
        part.encode(tmp_path / "cube.ply")


def test_a_model_without_a_prior_is_in_fp32() -> None:
    model = random_model(with_prior=False)
    assert Pipeline(model, device="cpu").precision == "fp32"


def test_an_adapter_is_added_before_rounding(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shapewright.pipeline.pipeline.pack", lambda prior: prior)  # weights can be read

    from shapewright.pipeline.adapter import Adapter, adapted, save_adapter

    base = load_model(folder)
    name, generator = "backbone.resblocks.0.mlp.c_fc", torch.Generator().manual_seed(0)
    assert base.prior is not None
    rows, columns = base.prior.get_submodule(name).get_parameter("weight").shape
    changes = {
        name: (torch.randn(2, columns, generator=generator), torch.randn(rows, 2, generator=generator))
    }
    adapter = Adapter(name="new", base="random", base_sha256=base.sha256, scale=0.1, changes=changes)
    save_adapter(tmp_path / "new.safetensors", adapter)
    found = Pipeline.from_pretrained(
        folder, adapter=tmp_path / "new.safetensors", device="cpu", precision="bf16"
    ).model.prior
    expected: Model = replace(adapted(base, adapter))
    assert found is not None
    assert expected.prior is not None
    assert precision_of(found) == torch.bfloat16
    lower(expected.prior, torch.bfloat16)
    assert torch.equal(found.state_dict()[f"{name}.weight"], expected.prior.state_dict()[f"{name}.weight"])


def test_what_writes_fields_stays_as_it_is_stored_and_gives_the_same_fields(folder: Path) -> None:
    whole, mapped = load_model(folder), load_model(folder, precision=torch.bfloat16)
    sizes, generator = whole.config.autoencoder.field, torch.Generator().manual_seed(0)
    latent = 2 * torch.rand(2, sizes.latent_tokens, sizes.latent_channels, generator=generator) - 1
    projection = mapped.autoencoder.field.latent_to_weights.projections[0].get_parameter("weight")
    assert projection.dtype.itemsize == 2
    for ours, plain in zip(
        mapped.autoencoder.field.weights(latent), whole.autoencoder.field.weights(latent), strict=True
    ):
        assert ours.dtype == torch.float32
        # the same numbers, whose products may be summed in another order
        assert torch.allclose(ours, plain, atol=1e-5)


def test_encoding_in_bf16_gives_nearly_the_same_latent(folder: Path, tmp_path: Path) -> None:
    from shapewright.geometry.mesh_files import save
    from solids import cube_mesh

    save(cube_mesh(), tmp_path / "cube.ply")
    exact, fast = (
        Pipeline.from_pretrained(folder, device="cpu", precision=precision)
        .encode(tmp_path / "cube.ply", refine=0)  # steps would make more of a difference in a random model
        .latent
        for precision in ("fp32", "bf16")
    )
    assert fast.dtype == torch.float32
    # a dozen products one after the other, each off by 2^-9
    assert 0 < float((exact - fast).norm() / exact.norm()) < 0.02
