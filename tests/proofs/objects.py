"""The objects whose files other programs are shown."""

from functools import cached_property

from proofs.letter import letter
from shapewright import Asset, Pipeline
from shapewright.evaluation.prompts import HOUSEHOLD_PROMPTS

__all__ = ["FEW", "FIFTY", "LETTER", "Objects"]

STEPS = 8  # rough shapes with more holes and crumbs than finished ones: the harder files

LETTER = ("a letter", 0)
FEW = [LETTER, ("a wooden chair", 0), ("a red sofa", 0), ("a blue car", 0)]
# every household prompt with two seeds, and two more
FIFTY = [(prompt.text, seed) for prompt in HOUSEHOLD_PROMPTS for seed in (0, 1)]
FIFTY += [("a chair", 2), ("a table", 2)]


class Objects:
    """Drawn from the shipped model by prompt and seed, each once."""

    def __init__(self) -> None:
        self.drawn: dict[tuple[str, int], Asset] = {LETTER: letter()}

    @cached_property
    def pipeline(self) -> Pipeline:
        return Pipeline.from_pretrained("homeware")

    def draw(self, prompt: str, seed: int = 0) -> Asset:
        if (prompt, seed) not in self.drawn:
            self.drawn[prompt, seed] = self.pipeline.generate(prompt, seed=seed, steps=STEPS)[0]
        return self.drawn[prompt, seed]
