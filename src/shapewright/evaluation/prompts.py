"""The prompts of the household model's contact sheet and of its quick evaluation."""

from dataclasses import dataclass

__all__ = ["HOUSEHOLD_PROMPTS", "HUNDRED_PROMPTS", "Prompt"]


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

# For R-Precision: each a thing that can be told from the ninety-nine others. Kinds with many assets come in
# colours, some of which no asset has (a pink piano); the colours are of dataset.colors.
_COLORED = {
    ("chair",): ("red", "blue", "green", "white", "black", "brown"),
    ("armchair",): ("red", "blue", "green", "yellow", "beige"),
    ("sofa", "couch"): ("red", "blue", "grey", "white", "orange"),
    ("table",): ("white", "black", "green", "brown"),
    ("bed",): ("blue", "red", "green", "white"),
    ("lamp", "light"): ("red", "yellow", "black", "blue"),
    ("car",): ("red", "blue", "yellow", "black", "green"),
    ("bottle",): ("green", "brown", "blue", "red"),
    ("cabinet", "cupboard"): ("white", "brown", "green"),
    ("bookcase", "bookshelf", "shelf", "shelves"): ("white", "brown", "red"),
    ("door",): ("white", "brown", "blue"),
    ("bathtub",): ("white", "pink"),
    ("toilet",): ("white", "blue"),
    ("vase",): ("blue", "white"),
    ("bicycle", "bike"): ("red", "blue"),
    ("piano",): ("black", "pink"),
}
_PLAIN: dict[str, tuple[str, ...]] = {
    "a tree": ("tree",), "a Christmas tree": ("tree",), "a palm tree": ("tree",),
    "a potted plant": ("plant",), "a cactus": ("cactus",),
    "tulips": ("tulips", "flowers"), "a hedge": ("hedge",), "a woman": ("woman",),
    "a man": ("man",), "a dog": ("dog",), "a horse": ("horse",), "a washbasin": ("washbasin", "sink"),
    "a refrigerator": ("refrigerator", "fridge"), "an oven": ("oven",), "a radiator": ("radiator",),
    "a television": ("television", "tv"), "a laptop computer": ("computer",), "a desk": ("desk",),
    "a stool": ("stool",), "a bench": ("bench",), "a window": ("window",), "a bus": ("bus",),
    "a truck": ("truck",), "a motorcycle": ("motorcycle", "motorbike"), "an umbrella": ("umbrella",),
    "a mug": ("mug", "cup"), "a plate": ("plate",), "a guitar": ("guitar",), "a fireplace": ("fireplace",),
    "a house": ("house",), "a ball": ("ball",), "a clock": ("clock",), "a towel": ("towel",),
    "a wardrobe": ("wardrobe", "closet"), "a tent": ("tent",), "a camera": ("camera",), "a knife": ("knife",),
    "a fan": ("fan",), "a candle": ("candle",), "a scooter": ("scooter",), "a railing": ("railing",),
    "a round table": ("table",), "a mobile phone": ("phone",), "a street lamp": ("lamp",),
}  # fmt: skip


def _with_article(phrase: str) -> str:
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


HUNDRED_PROMPTS = (
    *(
        Prompt(text=_with_article(f"{color} {nouns[0]}"), nouns=nouns, color=color)
        for nouns, colors in _COLORED.items()
        for color in colors
    ),
    *(Prompt(text=text, nouns=nouns) for text, nouns in _PLAIN.items()),
)
