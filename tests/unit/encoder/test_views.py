"""Pictures as patch tokens."""

import pytest
import torch

from shapewright.encoder import ViewBatch, ViewBranchConfig
from shapewright.encoder.views import ViewEmbedding

VIEWS, SIDE, PATCH, WIDTH = 2, 8, 4, 6


def batch(seed: int = 0) -> ViewBatch:
    generator = torch.Generator().manual_seed(seed)
    shape = (1, VIEWS, SIDE, SIDE)
    return ViewBatch(
        rgb=torch.rand(*shape, 3, generator=generator),
        alpha=torch.ones(shape),
        origins=torch.randn(1, VIEWS, 3, generator=generator),
        positions=torch.rand(*shape, 3, generator=generator),
    )


def embedding() -> ViewEmbedding:
    torch.manual_seed(0)
    return ViewEmbedding(ViewBranchConfig(octaves=2, patch_px=PATCH), WIDTH)


def test_a_token_for_each_patch_view_after_view_row_by_row() -> None:
    embed, views = embedding(), batch()
    before = embed(views)
    assert before.shape == (1, VIEWS * (SIDE // PATCH) ** 2, WIDTH)
    views.rgb[0, 1, 6, 1] += 0.5  # second view, lower left patch, away from the border of the 3 x 3 kernel
    changed = (embed(views) != before).any(dim=-1)[0]
    assert changed.nonzero().flatten().tolist() == [4 + 2]


def test_what_is_behind_the_object_does_not_matter() -> None:
    embed, views = embedding(), batch()
    views.alpha[..., :4] = 0.99  # not fully covered counts as background
    before = embed(views)
    views.rgb[..., :4, :] = 7.0
    views.positions[..., :4, :] = float("nan")
    assert torch.equal(embed(views), before)
    assert not torch.equal(embed(batch()), before)


def test_the_cameras_place_is_seen() -> None:
    embed, views = embedding(), batch()
    before = embed(views)
    views.origins[0, 0] += 0.1
    changed = (embed(views) != before).any(dim=-1)[0]
    assert changed.tolist() == [True] * 4 + [False] * 4


def test_views_are_the_same_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    embed, views = embedding(), batch()
    together = embed(views)
    monkeypatch.setattr("shapewright.encoder.views.PIXELS_AT_ONCE", 1)
    # convolutions of another batch size may sum in another order
    torch.testing.assert_close(embed(views), together, rtol=1e-5, atol=1e-5)
