"""One call from points to field."""

import torch

from shapewright.autoencoder import Autoencoder
from shapewright.training.recipes.encoder import tiny


def test_the_forward_pass_is_encoding_writing_and_asking() -> None:
    torch.manual_seed(0)
    model = Autoencoder(tiny().model).eval()
    points, queries = torch.rand(2, 64, 6), torch.rand(2, 9, 3)
    latent = model.encode(points)
    assert latent.shape == (2, 8, 8)
    asked = model.field.query(model.field.weights(latent), queries)
    assert torch.equal(model(points, queries).raw, asked.raw)
    neighbors = torch.zeros(2, 32, 16, dtype=torch.int64)
    assert not torch.equal(model(points, queries, neighbors=neighbors).raw, asked.raw)


def test_gradients_reach_every_weight() -> None:
    torch.manual_seed(0)
    model = Autoencoder(tiny().model)
    model(torch.rand(2, 64, 6), torch.rand(2, 9, 3)).raw.square().sum().backward()
    unreached = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert unreached == []


def test_any_question_may_be_asked() -> None:
    torch.manual_seed(0)
    model = Autoencoder(tiny().model).eval()
    points, queries = torch.rand(2, 64, 6), torch.rand(2, 9, 3)
    answer = model(points, lambda field, weights: field.query(weights, queries).signed_distance)
    assert torch.equal(answer, model(points, queries).signed_distance)
