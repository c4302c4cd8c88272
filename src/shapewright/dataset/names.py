"""Catalogue names to the words people use: "Armchair 2" is an armchair, and a chair."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["nouns_of", "plain_name"]

# Names that are brands, misspelt, or not what one would say.
_RENAMED = {
    "apple ibook": "laptop computer", "apple imac": "desktop computer", "apple iphone": "mobile phone",
    "arrow straight ahead": "road arrow", "arrow turn right": "road arrow",
    "arrow turn right and ahead": "road arrow", "barnum": "party tent", "bill": "banknote",
    "bended coconut tree": "bent coconut tree", "boy": "boy", "chevrolet": "car", "children game": "slide",
    "city bus": "city bus", "clear sofa": "sofa", "concept sedan": "sedan car",
    "concept sedan sport": "sports car", "convertible sofa bz": "sofa bed", "female": "woman",
    "flacon": "perfume bottle", "flipper": "pinball machine", "ford focus": "car",
    "frame chambord": "picture frame", "frame hôi an": "picture frame",
    "gaz water heater": "gas water heater", "hashtray": "ashtray",
    "holding female": "woman standing", "holding male": "man standing",
    "lip stick": "lipstick", "letters box": "mailbox", "little bank": "small bench",
    "lying down boy": "boy lying down", "lying down female": "woman lying down",
    "lying down male": "man lying down", "male": "man", "mannequin female": "female mannequin",
    "mannequin male": "male mannequin", "mocassin": "moccasin shoe", "mower": "lawn mower",
    "opened convertible sofa bz": "open sofa bed", "parking slot": "parking space", "peugeot cc": "car",
    "piano": "piano", "playstation": "game console", "puff": "pouf", "range hood": "range hood",
    "renault scenic": "car", "screen": "computer screen", "seat leon": "car", "short": "shorts",
    "sitting female": "sitting woman", "sitting male": "sitting man", "suv": "SUV car",
    "table tennis": "ping-pong table", "teck chair": "teak chair", "text marker": "highlighter pen",
    "toilets unit": "toilet", "trunck": "trunk", "tv": "television", "vw new beetle": "car",
    "wood bank": "wooden bench", "woman shoes": "women's shoes", "clothes horse": "clothes drying rack",
    "car model": "toy car", "cctv": "security camera", "contemporary living room": "wall unit",
    "child chair": "child's chair", "children chair": "child's chair", "children table": "child's table",
    "child bed": "child's bed", "yamaha yzr r6": "motorbike",
    "winchester armchair": "leather armchair", "winchester sofa": "leather sofa",
    "trashcan": "trash can", "bath": "bathtub", "island bath": "bathtub", "jacuzzi": "hot tub",
}  # fmt: skip

# The last word of a name, and what else such a thing is called: the more general word last.
_GENERAL = {
    "acacia": ("tree",), "armchair": ("chair",), "bamboo": ("plant",), "bathtub": (), "beech": ("tree",),
    "bench": (), "bicycle": ("bike",), "bidet": (), "bike": ("bicycle",),
    "bookcase": ("bookshelf", "shelf"), "bonsai": ("tree",), "bulldog": ("dog",), "bush": ("plant",),
    "cabinet": ("cupboard",), "cactus": ("plant",), "couch": ("sofa",),
    "cypress": ("tree",), "desk": ("table",), "ficus": ("plant",), "fridge": ("refrigerator",),
    "hedge": ("plant",), "horse": (), "laptop": ("computer",), "lamppost": ("street lamp", "lamp"),
    "lavatory": ("sink", "washbasin"), "light": ("lamp",), "lily": ("flower", "plant"), "maple": ("tree",),
    "motorbike": ("motorcycle",), "orchids": ("flowers", "plant"), "pine": ("tree",), "poplar": ("tree",),
    "refrigerator": ("fridge",), "scooter": (), "sedan": ("car",), "shelves": ("shelf",), "sofa": ("couch",),
    "spathiphyllum": ("plant",), "spotlight": ("lamp",), "stool": (), "tatami": ("mat",), "truck": (),
    "trashcan": ("trash can", "bin"), "tulips": ("flowers", "plant"), "van": ("car",), "washbasin": ("sink",),
    "yucca": ("plant",), "mug": ("cup",), "wardrobe": ("closet",), "pouf": ("stool",), "plug": ("socket",),
    "house": (), "aquarium": (), "train": (), "tablet": (), "rug": ("carpet",), "carpet": ("rug",),
    "television": ("TV",), "TV": ("television",), "futon": ("bed",), "crib": ("bed",),
    "chandelier": ("lamp",),
}  # fmt: skip
_HEADS = frozenset(_GENERAL) | frozenset(
    (
        "ball", "basket", "bed", "blender", "boat", "book", "bottle", "bowl", "box", "brush", "bus", "cake",
        "camera", "candle", "car", "carpet", "cart", "chair", "chest", "clock", "computer", "cooker",
        "crate", "cup", "curtain", "dishwasher", "dog", "door", "dress", "drawers", "dresser", "drill",
        "dryer", "fan", "faucet", "fence", "fireplace", "flower", "flowers", "fork", "fountain", "fryer",
        "glass", "guitar", "hammer", "hat", "hood", "jacket", "keyboard", "kettle", "knife", "lamp",
        "lantern", "machine", "mailbox", "mattress", "microwave", "mirror", "oven", "painting", "pan",
        "panel", "phone", "piano", "pillow", "plane", "plant", "plate", "pool", "pot", "printer",
        "radiator", "radio", "railing", "rock", "scissors", "shelf", "shoe", "shoes", "shower", "sink",
        "skirt", "slide", "socket", "speaker", "spoon", "staircase", "stand", "stapler", "stove",
        "suitcase", "swing", "switch", "table", "telephone", "tent", "toaster", "toilet", "towel", "toy",
        "train", "tray", "treadmill", "tree", "trousers", "umbrella", "vase", "wheelchair", "window",
        "xylophone",
    )
)  # fmt: skip
# Tags that are other words for the thing, and tags that say what it is if its name does not; the remaining
# tags say where it stands or what it is for.
_SYNONYM_TAGS = {
    "Bookcase": "bookcase", "Car": "car", "Couch": "sofa", "Nightstand": "nightstand",
    "People": "person", "Sofa": "sofa",
    "Tree": "tree", "Wardrobe": "wardrobe", "Woman": "woman",
}  # fmt: skip
_KIND_TAGS = {
    "Animal": "animal", "Bed": "bed", "Bicycle": "bicycle", "Bottle": "bottle", "Cabinet": "cabinet",
    "Chair": "chair", "Cupboard": "cupboard", "Flowers": "flowers", "Lamp": "lamp",
    "Plant": "plant", "Toy": "toy", "Truck": "truck", "Vase": "vase",
}  # fmt: skip
_KEEP_CASE = frozenset(
    (
        "TV",
        "DVD",
        "MP3",
        "SUV",
        "RJ45",
        "CCTV",
        "French",
        "Christmas",
        "Japanese",
        "Siamese",
        "Rubik's",
        "LCD",
    )
)


# Indoors they stand in a pot; what grows in the garden is called a plant alone.
_POTTED = frozenset(
    (
        "plant", "cactus", "decorative plant", "little plant", "orchids", "spider plant", "indoor plant",
        "spathiphyllum", "succulent plant", "white lily", "yucca",
    )
)  # fmt: skip
_NOT_CARS = frozenset(
    ("truck", "bus", "scooter", "motorbike", "tricycle", "bicycle")
)  # tagged so all the same


_NOT_TREES = frozenset(("hedge", "bush", "bamboo"))  # tagged so too: no trunk under a crown


def plain_name(name: str) -> str:
    """A catalogue name as one would say it: lower case, without numbers, sizes, brands and asides."""
    text = re.sub(r"\(.*?\)|\btype [A-Z]\b", " ", name).replace("_", " ").replace(" - ", " ")
    text = re.sub(r"\b\d+\s*(zones?|seats?|panes?)\b", " ", text)
    text = re.sub(r"(?<![A-Za-z\d])[#\d][\d:.,°€]*", " ", text).replace("€", " ")
    text = re.split(r",(?!.*\band\b)", text)[0]
    words = [word if word in _KEEP_CASE else word.lower() for word in text.split()]
    plain = " ".join(words).strip(" ,-") or name.lower().strip()
    return _RENAMED.get(plain.lower(), plain)


def nouns_of(name: str, tags: Sequence[str] = ()) -> tuple[str, ...]:
    """What the thing may be called, the most specific first: ("coffee table", "table")."""
    plain = plain_name(name)
    nouns = [plain]
    head = plain.split()[-1]
    if head in _HEADS and plain != "hot dog":
        nouns += [head, *_GENERAL.get(head, ())]
    else:
        nouns += [_KIND_TAGS[tag] for tag in tags if tag in _KIND_TAGS]
    for word in plain.split()[:-1]:  # "pine under snow" is a tree
        if _GENERAL.get(word, ())[-1:] == ("tree",):
            nouns.append("tree")
    if plain in _POTTED:
        nouns += ["potted plant", "houseplant"]
    nouns += [_SYNONYM_TAGS[tag] for tag in tags if tag in _SYNONYM_TAGS]
    if not _NOT_CARS.isdisjoint(plain.split()):
        nouns = [noun for noun in nouns if noun != "car"]
    if not _NOT_TREES.isdisjoint(plain.split()):
        nouns = [noun for noun in nouns if noun != "tree"]
    return tuple(dict.fromkeys(nouns))
