import pytest

from shapewright.dataset.recipes import RECIPES, DataRecipe
from shapewright.errors import ConfigError


def test_the_published_sizes_can_be_said():
    paper = DataRecipe.paper()
    assert (paper.points, paper.views, paper.view_size_px) == (16384, 60, 256)
    assert sorted(RECIPES) == ["homeware", "paper", "tiny"]
    assert all(make().name == name for name, make in RECIPES.items())


@pytest.mark.parametrize("change", [{"points": 0}, {"views": -1}, {"validation_share": 1.0}])
def test_impossible_recipes_are_refused(change):
    settings = {**DataRecipe.tiny().to_dict(), **change}
    with pytest.raises(ConfigError):
        DataRecipe(**settings)
