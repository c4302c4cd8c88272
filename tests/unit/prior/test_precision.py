"""A prior in bf16 beside its twin in fp32; the condition embedded once beside every time."""

from copy import deepcopy

import pytest
import torch

from shapewright.prior import Condition, Prior, PriorConfig, SamplerConfig, sample
from shapewright.prior.precision import is_lowered, lower, pack, precision_of

CONFIG = PriorConfig(
    latent_tokens=8, latent_channels=4, width=32, layers=3, heads=2, text_pooled_width=6, text_token_width=7
)
# Rounding to bf16 is off by at most 2^-9 of a number, half of that at random; the three roundings on the way
# through each of a block's four products, of three blocks, add up like noise: 6 * 2^-10 of the output.
BF16 = 6 * 2**-10


@pytest.fixture(scope="module")
def prior() -> Prior:
    torch.manual_seed(0)
    prior = Prior(CONFIG).eval()
    torch.nn.init.normal_(prior.output_proj.weight, std=0.2)
    return prior


def condition(rows: int) -> Condition:
    generator = torch.Generator().manual_seed(1)
    return Condition(
        text_pooled=torch.randn(rows, 6, generator=generator),
        text_tokens=torch.randn(rows, 5, 7, generator=generator),
        text_mask=torch.arange(5)[None].expand(rows, -1) < 3,
    )


def off_by(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


def test_one_evaluation_is_that_of_the_twin_but_for_rounding(prior: Prior) -> None:
    x, t = torch.randn(3, 8, 4, generator=torch.Generator().manual_seed(2)), torch.tensor([0, 500, 1023])
    lowered = lower(deepcopy(prior), torch.bfloat16)
    with torch.no_grad():
        found, expected = lowered(x, t, condition(3)), prior(x, t, condition(3))
    assert found.dtype == torch.float32
    assert 0 < off_by(found, expected) < BF16


def test_guided_samples_are_near_those_of_the_twin(prior: Prior) -> None:
    """Guidance 4 multiplies the difference of two roundings, and steps hand theirs on: ten times one's."""
    config = SamplerConfig(steps=6, guidance=4.0, clip=4.0, sigma_max=80.0, sigma_min=0.02)
    lowered = lower(deepcopy(prior), torch.bfloat16)
    found, expected = (sample(p, condition(2), seeds=[1, 2], config=config) for p in (lowered, prior))
    assert 0 < off_by(found, expected) < 10 * BF16


def test_only_the_large_matrices_are_lowered(prior: Prior) -> None:
    lowered = lower(deepcopy(prior), torch.bfloat16)
    for name, part in lowered.state_dict().items():
        assert part.dtype == (torch.bfloat16 if is_lowered(name) else torch.float32), name
    low = {name for name in prior.state_dict() if is_lowered(name)}
    assert len(low) == 3 * 4 * 2  # four products of each block, with their biases
    assert precision_of(prior) == torch.float32
    assert precision_of(lowered) == torch.bfloat16
    assert not any(p.requires_grad for name, p in lowered.named_parameters() if is_lowered(name))


def test_a_condition_embedded_once_gives_the_same_bits(prior: Prior) -> None:
    x, t = torch.randn(2, 8, 4, generator=torch.Generator().manual_seed(3)), torch.tensor([10, 900])
    with torch.no_grad():
        assert torch.equal(prior(x, t, prior.embed(condition(2))), prior(x, t, condition(2)))


def test_a_sample_embeds_its_condition_once(prior: Prior) -> None:
    seen: list[int] = []
    assert prior.clip_embed is not None
    hook = prior.clip_embed.register_forward_hook(lambda *_: seen.append(1))
    sample(prior, condition(1), seeds=[0], config=SamplerConfig(steps=3, guidance=4.0))
    hook.remove()
    assert len(seen) == 1


@pytest.mark.gpu
def test_a_lowered_prior_on_a_gpu(prior: Prior) -> None:
    x, t = torch.randn(2, 8, 4, generator=torch.Generator().manual_seed(2)), torch.tensor([10, 900])
    lowered = lower(deepcopy(prior), torch.bfloat16).cuda()
    with torch.no_grad():
        found = lowered(x.cuda(), t.cuda(), condition(2).to("cuda")).cpu()
        assert off_by(found, prior(x, t, condition(2))) < BF16


def test_a_packed_prior_is_the_lowered_one_but_for_rounding(prior: Prior) -> None:
    x, t = torch.randn(3, 8, 4, generator=torch.Generator().manual_seed(2)), torch.tensor([0, 500, 1023])
    lowered = lower(deepcopy(prior), torch.bfloat16)
    with torch.no_grad():
        expected = lowered(x, t, condition(3))
        packed = pack(lowered)
        assert packed is lowered
        assert off_by(packed(x, t, condition(3)), expected) < BF16
    assert precision_of(packed) == torch.bfloat16


def test_packing_leaves_a_prior_in_fp32_as_it_is(prior: Prior) -> None:
    before = prior.state_dict()
    assert pack(prior).state_dict().keys() == before.keys()
