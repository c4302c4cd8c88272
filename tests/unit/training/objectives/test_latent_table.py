"""A latent of its own for every draw, pulled to where the encoder put it, the encoder following."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from shapewright.autoencoder import Autoencoder
from shapewright.errors import ConfigError
from shapewright.nn.draws import Share
from shapewright.training.loop import LoopConfig, train
from shapewright.training.objectives.field_supervision import FieldSupervisionConfig
from shapewright.training.objectives.latent_table import LatentTable, LatentTableConfig, TabledAutoencoder
from shapewright.training.recipes.encoder import tiny
from shapewright.training.variation import Augmentation
from tiny_assets import shelf

CONFIG = LatentTableConfig(
    supervision=FieldSupervisionConfig(points=200, queries=50, neighbor_pool=20),
    draws=2,
    encoded=3,
    augmentation=Augmentation(mirror=1.0, recolor=1.0, scale=1.0, stretch=0.2),
)
LOOP = LoopConfig(steps=2, batch_size=4, learning_rate=1e-3, precision="fp32", optimizer="muon")


def table_of(config: LatentTableConfig = CONFIG, batch_size: int = 4) -> LatentTable:
    torch.manual_seed(0)
    return LatentTable(Autoencoder(tiny().model), shelf(), config, batch_size=batch_size)


def step_losses(objective: LatentTable, step: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(step)
    return objective.losses(objective.model, objective.batch(step), generator)


def test_latents_start_where_the_encoder_puts_the_assets() -> None:
    told: list[tuple[int, int]] = []
    torch.manual_seed(0)
    model = Autoencoder(tiny().model)
    objective = LatentTable(model, shelf(), CONFIG, batch_size=4, progress=lambda *done: told.append(done))
    clouds = np.stack([record.points[:200] for record in shelf()])
    encoded = model.eval().encode(torch.from_numpy(clouds).float())
    assert objective.entries == 12
    torch.testing.assert_close(objective.model.table[:6], encoded)
    assert not torch.allclose(objective.model.table[6:], encoded)
    assert torch.equal(objective.model.anchor, objective.model.table)
    assert told == [(12, 12)]


def test_an_entry_is_always_the_same_variation() -> None:
    objective = table_of()
    for entry, name in ((0, "test/ball"), (6, "test/ball"), (11, "test/box 3")):
        index, one = objective.draw(entry, slice(0, 1))
        _, other = objective.draw(entry, slice(7, 30))
        assert objective.records[index].id == name
        assert np.array_equal(one.points, other.points)
    plain, varied = (objective.draw(entry, slice(0, 1))[1].points for entry in (0, 6))
    assert not np.array_equal(plain, varied)


def test_every_entry_comes_once_an_epoch_with_its_own_asset() -> None:
    objective = table_of()
    rows: list[int] = []
    for step in range(3):
        batch = objective.batch(step)
        rows += batch.rows.tolist()
        assert batch.examples.names == [objective.records[row % 6].id for row in batch.rows.tolist()]
    assert sorted(rows) == list(range(12))


def test_at_the_start_nothing_pulls_and_the_encoder_need_not_follow_far() -> None:
    losses = step_losses(table_of())
    assert losses["pull"].item() == 0
    assert 0 < losses["follow"].item() < 1e-3  # points are a little noised, neighbours drawn anew


def test_the_loss_is_the_fields_and_both_ties() -> None:
    objective = table_of()
    with torch.no_grad():
        objective.model.table += 0.1
    generators = [torch.Generator().manual_seed(0) for _ in range(2)]
    batch = objective.batch(0)
    losses = objective.losses(objective.model, batch, generators[0])
    assert losses["pull"].item() == pytest.approx(0.01, rel=0.1)  # unless 1 was in the way
    objective.config = replace(CONFIG, pull=0.0, follow=0.0)
    free = objective.losses(objective.model, batch, generators[1])
    expected = free["loss"] + 0.5 * losses["pull"] + 0.5 * losses["follow"]
    assert losses["loss"].item() == pytest.approx(expected.item())


def test_who_learns_from_what() -> None:
    objective = table_of()
    model = objective.model
    with torch.no_grad():
        model.table.mul_(0.9)  # away from the anchor
    rows = objective.batch(0).rows
    losses = step_losses(objective)
    encoder = model.autoencoder.encoder.output_proj.weight
    field = model.autoencoder.field.mlp.shared[-1].weight

    def gradients(name: str) -> list[torch.Tensor | None]:
        wanted = [model.table, encoder, field]
        return list(torch.autograd.grad(losses[name], wanted, retain_graph=True, allow_unused=True))

    table, to_encoder, to_field = gradients("follow")
    assert table is None, "latents do not come to the encoder"
    assert to_encoder is not None
    assert to_field is None
    table, to_encoder, _ = gradients("pull")
    assert table is not None
    assert to_encoder is None
    table, to_encoder, to_field = gradients("loss")
    assert table is not None
    assert to_encoder is not None
    assert to_field is not None
    seen = table.flatten(1).any(dim=1)
    assert sorted(seen.nonzero().flatten().tolist()) == sorted(rows.tolist())


def test_latents_beyond_the_cube_are_brought_to_its_faces() -> None:
    objective = table_of()
    with torch.no_grad():
        objective.model.table.fill_(3.0)
    batch = objective.batch(0)
    _, latents, encodings = objective.model.eval()(batch.rows, batch.examples, torch.tensor([0, 2]))
    assert torch.equal(latents, torch.ones(4, 8, 8))
    assert encodings.shape == (2, 8, 8)
    assert float(encodings.detach().abs().max()) < 1
    assert float(objective.latent_set(objective.model).latents.max()) == 1


def test_training_moves_the_latents_it_saw_and_no_others(tmp_path: Path) -> None:
    objective = table_of()
    start = objective.model.table.detach().clone()
    average = train(objective, LOOP, tmp_path, settings=LOOP, tensorboard=False)
    assert isinstance(average, TabledAutoencoder)
    seen = {row for step in range(2) for row in objective.batch(step).rows.tolist()}
    moved = (objective.model.table.detach() != start).flatten(1).any(dim=1)
    assert set(moved.nonzero().flatten().tolist()) == seen
    assert len(seen) == 8
    assert torch.equal(average.anchor, start)
    found = objective.latent_set(average)
    assert torch.equal(found.latents, average.table)
    assert found.assets == [record.id for record in shelf()] * 2
    assert "a red ball" in found.captions[0]
    assert "a red ball" not in found.captions[6], "it was recoloured"


@pytest.mark.parametrize("settings", [{"draws": 0}, {"encoded": 0}])
def test_tables_of_nothing_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="draws and encoded must be at least 1"):
        LatentTableConfig(**settings)


def test_shares_put_together_are_the_batch() -> None:
    objective = table_of(replace(CONFIG, encoded=2), batch_size=8)
    whole, parts = objective.batch(1), [objective.batch_share(1, Share(i, 2)) for i in range(2)]
    assert torch.equal(torch.cat([part.rows for part in parts]), whole.rows)
    assert torch.equal(torch.cat([part.examples.queries for part in parts]), whole.examples.queries)
    encoded = [part.encoded + 4 * i for i, part in enumerate(parts)]
    assert torch.equal(torch.cat(encoded), whole.encoded)
    assert [len(part.encoded) for part in parts] == [1, 1]


def test_every_share_has_as_many_draws_to_encode() -> None:
    with pytest.raises(ConfigError, match=r"2 shares .* set objective.encoded to a multiple of 2"):
        table_of().batch_share(0, Share(0, 2))
