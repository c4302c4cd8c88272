"""One encoding, several questions, and a weighted sum; and every stage learns."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from shapewright.autoencoder import Autoencoder
from shapewright.encoder import ViewBranchConfig
from shapewright.errors import ConfigError, ModelError
from shapewright.training.objectives.direct import Direct
from shapewright.training.objectives.distillation import DistillationConfig
from shapewright.training.objectives.encoder_inputs import EncoderInputConfig
from shapewright.training.objectives.field_supervision import FieldLossConfig, field_losses
from shapewright.training.objectives.joint_rendering import JointRenderingConfig
from shapewright.training.objectives.mixture import Mixture, MixtureBatch, MixtureConfig
from shapewright.training.objectives.rendered_rays import RenderedRaysConfig
from shapewright.training.recipes.stages import WEIGHTS, Stage, tiny
from tiny_assets import shelf

SMALL = MixtureConfig(
    rays=1.0,
    inputs=EncoderInputConfig(points=128, views=2),
    rendered_rays=RenderedRaysConfig(rays=32, asset_share=0.5, coarse_samples=8, fine_samples=8),
    distilled=DistillationConfig(queries=128),
    joint_rendering=JointRenderingConfig(resolution=16),
    supervised=FieldLossConfig(queries=128),
)
ALL = replace(SMALL, rays=0.5, distillation=2.0, surface=3.0, direct=0.25)
TERSE = replace(SMALL, rays=0.0, distillation=1.0, distilled=DistillationConfig(queries=8))
RECORDS = shelf(views=4, size_px=16)
MODEL = tiny("nerf").model


def made(config: MixtureConfig = SMALL, *, noise: float = 0.0, views: bool = False, seed: int = 0) -> Mixture:
    """With a model whose bottleneck is noised with this probability."""
    torch.manual_seed(0)
    assert MODEL.encoder is not None
    encoder = replace(MODEL.encoder, bottleneck=replace(MODEL.encoder.bottleneck, noise_probability=noise))
    if views:
        encoder = replace(encoder, views=ViewBranchConfig(octaves=2, patch_px=4))
    model = Autoencoder(replace(MODEL, encoder=encoder))
    return Mixture(model, RECORDS, config, batch_size=3, seed=seed)


def losses_of(objective: Mixture, batch: MixtureBatch, seed: int = 0) -> dict[str, Tensor]:
    return objective.losses(objective.model, batch, torch.Generator().manual_seed(seed))


def test_the_loss_is_the_weighted_sum_of_the_parts() -> None:
    objective = made(ALL)
    losses = losses_of(objective, objective.batch(0))
    parts = {name: losses[f"{name}_loss"].item() for name in ALL.weights}
    total = sum(weight * parts[name] for name, weight in ALL.weights.items())
    assert losses["loss"].item() == pytest.approx(total)
    assert {"rays_psnr_db", "distillation_iou", "surface_coverage", "direct_density"} <= losses.keys()


def test_what_is_switched_on_does_not_change_the_others() -> None:
    alone, together = made(), made(ALL)
    one, all_ = alone.batch(2), together.batch(2)
    assert list(one.asked) == ["rays"]
    assert torch.equal(one.asked["rays"].origins, all_.asked["rays"].origins)
    ours, theirs = losses_of(alone, one), losses_of(together, all_)
    # one encoder, whose latents are asked more
    torch.testing.assert_close(ours["rays_loss"], theirs["rays_loss"])


def test_an_example_follows_from_seed_step_and_position() -> None:
    objective = made(ALL)
    one, again = objective.batch(3), objective.batch(3)
    by_hand = objective.example(3, 1, [record.id for record in RECORDS].index(one.names[1]))
    assert one.names == again.names == objective.asset_names(one)
    points = [batch.inputs.points for batch in (one, again, by_hand)]
    assert all(p is not None for p in points)
    assert torch.equal(points[0], points[1])
    assert torch.equal(points[0][1:2], points[2])
    rays, same = one.asked["rays"], by_hand.asked["rays"]
    assert torch.equal(rays.directions[1:2], same.directions)
    assert torch.equal(rays.seeds[1:2], same.seeds)
    part = objective.examples(3, range(1, 3))
    assert part.names == one.names[1:]
    assert torch.equal(part.asked["surface"].color, one.asked["surface"].color[1:])
    other = made(ALL, seed=1).batch(3)
    assert not torch.equal(other.asked["rays"].directions, rays.directions)


def test_gradients_reach_all_of_encoder_and_field() -> None:
    objective = made(ALL, views=True)
    losses_of(objective, objective.batch(0))["loss"].backward()
    unreached = [n for n, p in objective.model.named_parameters() if p.grad is None or not p.grad.any()]
    assert unreached == []


@torch.no_grad()
def test_only_the_configured_share_of_latents_is_noised() -> None:
    """Everything else that is random follows from the batch, so that losses tell whether there was noise."""
    quiet, sometimes = made(TERSE, noise=0.0), made(TERSE, noise=0.1)
    batch = quiet.batch(0)
    plain = losses_of(quiet, batch, seed=0)["loss"]
    assert losses_of(quiet, batch, seed=1)["loss"] == plain
    # of 60 batches of three a share of (1 - 0.1)^3 = 0.73 has no noise: 44, give or take 3.5
    untouched = sum(bool(losses_of(sometimes, batch, seed)["loss"] == plain) for seed in range(60))
    assert 30 <= untouched <= 57
    sometimes.model.eval()
    assert losses_of(sometimes, batch)["loss"] == plain


def test_views_are_looked_at_where_the_model_has_eyes() -> None:
    objective = made(views=True)
    batch = objective.batch(0)
    assert batch.inputs.rgb is not None
    changed = replace(batch, inputs=replace(batch.inputs, rgb=-batch.inputs.rgb))
    assert losses_of(objective, changed)["loss"] != losses_of(objective, batch)["loss"]
    assert made().batch(0).inputs.rgb is None


def test_direct_supervision_is_that_of_its_own_objective() -> None:
    config = FieldLossConfig(queries=100, thickening=0.01)
    objective = made(replace(SMALL, rays=0.0, direct=1.0, supervised=config))
    batch = objective.batch(0)
    asked = batch.asked["direct"]
    term = objective.terms["direct"]
    assert isinstance(term, Direct)
    output = objective.model(batch.inputs.points, asked.queries)
    plain = field_losses(output, asked, config, truncation=0.1, density_scale=1.0)
    torch.testing.assert_close(losses_of(objective, batch)["loss"], plain["loss"])
    thin = made(replace(SMALL, rays=0.0, direct=1.0, supervised=replace(config, thickening=0.0))).batch(0)
    torch.testing.assert_close(
        asked.signed_distance,
        thin.asked["direct"].signed_distance + 0.01,
    )


def test_settings_that_cannot_be() -> None:
    with pytest.raises(ConfigError, match="one of them above it"):
        MixtureConfig()
    with pytest.raises(ConfigError, match="at least 0"):
        MixtureConfig(rays=1.0, direct=-1.0)
    untruncated = replace(MODEL, field=replace(MODEL.field, signed_distance_truncation=None))
    with pytest.raises(ModelError, match=r"has no model\.field\.signed_distance_truncation"):
        Mixture(Autoencoder(untruncated), RECORDS, replace(SMALL, direct=1.0), batch_size=1)


@pytest.mark.parametrize(
    ("stage", "watched", "share"),
    [
        ("nerf", "rays_loss", 0.8),
        ("distill", "distillation_loss", 0.6),
        ("finetune", "surface_loss", 0.6),
    ],
)
def test_every_stage_learns_within_seconds(stage: Stage, watched: str, share: float) -> None:
    weights = {"rays": 0.0, "distillation": 0.0, "surface": 0.0, **WEIGHTS[stage]}
    objective = made(replace(SMALL, **weights))
    if stage == "finetune":  # a surface to begin with
        with torch.no_grad():
            objective.model.field.mlp.linears()[-1].bias[0] = 0.0
    optimizer = torch.optim.Adam(objective.model.parameters(), lr=2e-3)
    history: list[float] = []
    for step in range(30):
        losses = losses_of(objective, objective.batch(step), step)
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
        history.append(losses[watched].item())
    # the last five, of random assets and rays, against the first five
    assert sum(history[-5:]) < share * sum(history[:5]), history
