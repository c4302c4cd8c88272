"""The SDF network: batches, gradients, queries that do not see each other."""

import torch

from tiny_points import awake_sdf


def test_a_cloud_does_not_see_its_batch_and_gradients_reach_every_parameter() -> None:
    sdf = awake_sdf().requires_grad_(True)
    generator = torch.Generator().manual_seed(0)
    clouds, queries = torch.randn(3, 9, 3, generator=generator), torch.randn(3, 5, 3, generator=generator)
    together = sdf(clouds, queries)
    torch.testing.assert_close(sdf(clouds[1:2], queries[1:2])[0], together[1], rtol=1e-4, atol=1e-5)
    together.square().sum().backward()
    assert [name for name, part in sdf.named_parameters() if part.grad is None] == []


def test_a_query_does_not_see_the_others() -> None:
    sdf = awake_sdf()
    generator = torch.Generator().manual_seed(0)
    cloud, queries = torch.randn(1, 9, 3, generator=generator), torch.randn(1, 40, 3, generator=generator)
    together = sdf(cloud, queries)
    # a single query is padded to the number of rows from which products round alike
    torch.testing.assert_close(sdf(cloud, queries[:, 7:8])[0, 0], together[0, 7], rtol=1e-5, atol=1e-6)
    damaged = queries.clone()
    damaged[0, 0] = torch.nan
    found = sdf(cloud, damaged)
    assert bool(found[0, 0].isnan())
    torch.testing.assert_close(found[0, 1:], together[0, 1:])
