"""LoRA on a prior: what learns, what stands still, and the changes as an adapter."""

from pathlib import Path

import pytest
import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn

from shapewright.errors import ConfigError
from shapewright.pipeline import Model
from shapewright.pipeline.adapter import adapted
from shapewright.prior import Condition
from shapewright.training.lora import LoraConfig, LoraPrior, adapter_of
from shapewright.training.muon import split_parameters
from tiny_models import FakeText, random_model, saved

LORA = LoraConfig(rank=4, alpha=6.0)


@pytest.fixture
def base(tmp_path: Path) -> Model:
    return saved(random_model(), tmp_path / "model")


@pytest.fixture
def prior(base: Model) -> LoraPrior:
    assert base.prior is not None
    return LoraPrior(base.prior, LORA)


def predicted(prior: nn.Module) -> torch.Tensor:
    condition = Condition.from_text(FakeText().encode(["a box", "a ball"]))
    x = torch.randn(2, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return prior.eval()(x, torch.tensor([3, 700]), condition)


def shaken(prior: LoraPrior) -> LoraPrior:
    with torch.no_grad():
        for parameter in prior.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1)
    return prior


def test_it_starts_as_the_base_and_only_changes_learn(base: Model, prior: LoraPrior) -> None:
    assert torch.equal(predicted(prior), predicted(base.prior or prior))
    learning = [name for name, parameter in prior.named_parameters() if parameter.requires_grad]
    # two matrices of attention and two of the MLP in each of two blocks, as two factors each
    assert len(learning) == 2 * 4 * 2
    assert all(".lora_" in name and "resblocks" in name for name in learning)
    assert set(prior.state_dict()) == set(learning)
    x = torch.randn(2, 8, 8)
    prior(x, torch.tensor([3, 700]), Condition.from_text(FakeText().encode(["a", "b"]))).sum().backward()
    assert [name for name, p in prior.named_parameters() if p.grad is not None] == learning
    assert len(split_parameters(prior).hidden) > 0


def test_the_adapter_makes_the_base_what_was_trained(base: Model, prior: LoraPrior) -> None:
    shaken(prior)
    model = adapted(base, adapter_of(prior, LORA, name="mine", base=base))
    assert model.prior is not None
    assert base.prior is not None
    # (W + BA) x and W x + B (A x) round differently
    torch.testing.assert_close(predicted(model.prior), predicted(prior), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(predicted(prior), predicted(base.prior))
    # and the library merges to the same matrices, up to rounding
    for module in prior.modules():
        if isinstance(module, BaseTunerLayer):
            module.merge()  # pyright: ignore[reportCallIssue]
    layer = prior.get_submodule("backbone.resblocks.1.mlp.c_fc.base_layer")
    ours = model.prior.get_submodule("backbone.resblocks.1.mlp.c_fc")
    torch.testing.assert_close(ours.weight, layer.weight, rtol=1e-5, atol=1e-6)


def test_its_state_is_strict(base: Model, prior: LoraPrior) -> None:
    assert base.prior is not None
    state = {name: part.clone() for name, part in shaken(prior).state_dict().items()}
    other = LoraPrior(base.prior, LORA)
    other.load_state_dict(state)
    assert torch.equal(predicted(other), predicted(prior))
    state.popitem()
    with pytest.raises(RuntimeError, match="other changes"):
        other.load_state_dict(state)


@pytest.mark.parametrize("wrong", [{"rank": 0}, {"alpha": 0.0}, {"alpha": -1.0}])
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="rank must be at least 1 and alpha above 0"):
        LoraConfig(**wrong)  # pyright: ignore[reportArgumentType]
