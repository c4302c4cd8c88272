"""The prompts of the household model's contact sheet and of its quick evaluation."""

from dataclasses import dataclass

__all__ = ["HOUSEHOLD_PROMPTS", "Prompt"]


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """A prompt, the words that name what it asks for, and its colour if it asks for one."""

    text: str
    nouns: tuple[str, ...]
    color: str | None = None


HOUSEHOLD_PROMPTS = (
    Prompt(text="a chair", nouns=("chair",)),
    Prompt(text="a wooden chair", nouns=("chair",)),
    Prompt(text="a red armchair", nouns=("armchair",), color="red"),
    Prompt(text="a blue armchair", nouns=("armchair",), color="blue"),
    Prompt(text="a table", nouns=("table",)),
    Prompt(text="a round white table", nouns=("table",), color="white"),
    Prompt(text="a bed", nouns=("bed",)),
    Prompt(text="a green bed", nouns=("bed",), color="green"),
    Prompt(text="a red sofa", nouns=("sofa", "couch"), color="red"),
    Prompt(text="a grey sofa", nouns=("sofa", "couch"), color="grey"),
    Prompt(text="a lamp", nouns=("lamp",)),
    Prompt(text="a yellow floor lamp", nouns=("lamp",), color="yellow"),
    Prompt(text="a wardrobe", nouns=("wardrobe", "closet")),
    Prompt(text="a brown wooden cupboard", nouns=("cupboard", "cabinet", "wardrobe"), color="brown"),
    Prompt(text="a bathtub", nouns=("bathtub", "bath")),
    Prompt(text="a white toilet", nouns=("toilet",), color="white"),
    Prompt(text="a red car", nouns=("car",), color="red"),
    Prompt(text="a blue car", nouns=("car",), color="blue"),
    Prompt(text="a tree", nouns=("tree",)),
    Prompt(text="a potted plant", nouns=("plant", "flower")),
    Prompt(text="a wooden door", nouns=("door",)),
    Prompt(text="a green bottle", nouns=("bottle",), color="green"),
    Prompt(text="a black television", nouns=("television", "tv"), color="black"),
    Prompt(text="a bookcase", nouns=("bookcase", "bookshelf", "shelf", "shelves")),
)
