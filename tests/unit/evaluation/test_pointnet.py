"""PointNet++ from made-up files, against a plain one of loops and torch's own layers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shapewright.errors import ModelError
from shapewright.evaluation.pointnet import PointNet2, expected_shapes, unit_ball

WIDTH, CLASSES = 4, 5
CLOUDS = np.random.default_rng(0).uniform(-1, 1, (2, 600, 3)).astype(np.float32) * (1, 0.7, 0.4)


def made_up(width: int = WIDTH, classes: int = CLASSES) -> dict[str, Tensor]:
    """As such a file would be, with numbers that keep activations in range."""
    generator = torch.Generator().manual_seed(0)
    state: dict[str, Tensor] = {}
    for name, shape in expected_shapes(width, classes).items():
        drawn = torch.randn(shape, generator=generator)
        state[name] = (
            drawn.square() + 0.5
            if name.endswith("var")
            else drawn / max(1, shape[-1 if len(shape) < 3 else 1]) ** 0.5
        )
    for name in list(state):
        if name.endswith("running_var"):
            state[name.replace("running_var", "num_batches_tracked")] = torch.tensor(3)
    return state


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pointnet") / "pointnet.pth"
    torch.save({"epoch": 3, "model_state_dict": made_up()}, path)
    return path


def norm(state: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    """torch's batch normalisation over the last axis."""
    layer = nn.BatchNorm1d(x.shape[-1]).eval()
    own = {key.removeprefix(name + "."): value for key, value in state.items() if key.startswith(name + ".")}
    layer.load_state_dict(own)
    return layer(x.reshape(-1, x.shape[-1])).reshape(x.shape)


def shared(state: dict[str, Tensor], level: str, x: Tensor) -> Tensor:
    for i in range(3):
        product = state[f"{level}.mlp_convs.{i}.weight"][:, :, 0, 0], state[f"{level}.mlp_convs.{i}.bias"]
        x = F.relu(norm(state, f"{level}.mlp_bns.{i}", F.linear(x, *product)))
    return x


def farthest(xyz: Tensor, count: int) -> list[int]:
    chosen, nearest = [0], torch.full((len(xyz),), torch.inf)
    while len(chosen) < count:
        nearest = torch.minimum(nearest, (xyz - xyz[chosen[-1]]).norm(dim=1))
        chosen.append(int(nearest.argmax()))
    return chosen


def plain(state: dict[str, Tensor], cloud: Tensor) -> tuple[Tensor, Tensor]:
    """One cloud, centre by centre."""
    xyz = cloud - cloud.mean(0)
    xyz, features = xyz / xyz.norm(dim=1).max(), torch.zeros(len(cloud), 0)
    for level, centers, radius, neighbors in (("sa1", 512, 0.2, 32), ("sa2", 128, 0.4, 64)):
        chosen, rows = farthest(xyz, centers), []
        for index in chosen:
            inside = (xyz - xyz[index]).norm(dim=1).le(radius).nonzero()[:neighbors, 0]
            grouped = torch.cat([xyz[inside] - xyz[index], features[inside]], dim=1)
            rows.append(shared(state, level, grouped).amax(0))
        xyz, features = xyz[chosen], torch.stack(rows)
    x = shared(state, "sa3", torch.cat([xyz, features], dim=1)).amax(0, keepdim=True)
    x = F.relu(norm(state, "bn1", F.linear(x, state["fc1.weight"], state["fc1.bias"])))
    seen = norm(state, "bn2", F.linear(x, state["fc2.weight"], state["fc2.bias"]))
    return seen[0], F.linear(F.relu(seen), state["fc3.weight"], state["fc3.bias"])[0].softmax(0)


@torch.no_grad()
def test_it_is_the_plain_one(file: Path) -> None:
    seen = PointNet2.from_file(file).see(CLOUDS)
    assert seen.features.shape == (2, 4 * WIDTH)
    assert seen.probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)
    features, probabilities = plain(made_up(), torch.from_numpy(CLOUDS[0]).float())
    assert seen.features[0] == pytest.approx(features.numpy(), rel=1e-3, abs=1e-4)
    assert seen.probabilities[0] == pytest.approx(probabilities.numpy(), rel=1e-3, abs=1e-5)


def test_a_cloud_is_seen_alike_in_any_company_place_and_size(file: Path) -> None:
    network = PointNet2.from_file(file)
    together = network.see(CLOUDS).features[1]
    assert network.see(CLOUDS[1:]).features[0] == pytest.approx(together, rel=1e-4, abs=1e-5)
    moved = network.see(CLOUDS[1:] * 4 + np.array([1, 2, 4])).features[0]  # by powers of two: hardly rounded
    assert moved == pytest.approx(together, rel=1e-2, abs=1e-3)


def test_the_unit_ball() -> None:
    ball = unit_ball(torch.tensor([[[0.0, 0, 0], [4, 0, 0]], [[1, 1, 1], [1, 1, 1]]]))
    assert ball.tolist() == [[[-1, 0, 0], [1, 0, 0]], [[0, 0, 0], [0, 0, 0]]]


def test_the_published_widths() -> None:
    """Twice the paper's, 40 classes, as Point-E's evaluation has them."""
    shapes = expected_shapes(128, 40)
    assert shapes["sa2.mlp_convs.0.weight"] == (256, 259, 1, 1)
    assert shapes["sa3.mlp_convs.2.weight"] == (2048, 1024, 1, 1)
    assert shapes["fc2.weight"] == (512, 1024)
    assert shapes["fc3.weight"] == (40, 512)


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in made_up().items() if key != name}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([1, 2], "should hold a state dictionary of PointNet"),
        ({"conv.weight": torch.zeros(3, 3)}, "holds another network"),
        (without("fc3.bias"), "holds another network"),
        (without("bn1.running_var"), r"bn1.running_var should be \(32,\), but is missing"),
        (made_up() | {"fc2.weight": torch.zeros(7, 7)}, r"fc2.weight should be \(16, 32\), but is \(7, 7\)"),
        (made_up() | {"sa1.mlp_convs.0.weight": torch.zeros(4, 6, 1, 1)}, "sees 6 numbers a point"),
    ],
)
def test_wrong_files(tmp_path: Path, content: Any, said: str) -> None:
    torch.save(content, tmp_path / "wrong.pth")
    with pytest.raises(ModelError, match=said):
        PointNet2.from_file(tmp_path / "wrong.pth")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no file"):
        PointNet2.from_file(tmp_path / "none.pth")
    (tmp_path / "text.pth").write_text("weights")
    with pytest.raises(ModelError, match="cannot be read as PointNet"):
        PointNet2.from_file(tmp_path / "text.pth")


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    torch.save({"model_state_dict": made_up(), "trainer": Path("x")}, tmp_path / "code.pth")
    with pytest.raises(ModelError, match="more than numbers, which is never run"):
        PointNet2.from_file(tmp_path / "code.pth")
