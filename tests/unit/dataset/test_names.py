import pytest

from shapewright.dataset.names import nouns_of, plain_name


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Armchair 2", "armchair"), ("Sofa, 2 seats", "sofa"), ("Sofa 3 seats", "sofa"),
        ("TV 16:9", "television"), ("Concept Sedan 01", "sedan car"), ("Ford Focus", "car"),
        ("Peugeot 308 CC", "car"),
        ("Parking slot 45°", "parking space"), ("Bill 10€", "banknote"), ("Coffee table", "coffee table"),
        ("Air conditioning - External unit", "air conditioning external unit"), ("Female", "woman"),
        ("Double window 3 panes", "double window"), ("Rounded RJ45 plug", "rounded RJ45 plug"),
        ("Apple iMac 2004", "desktop computer"), ("MP3 station", "MP3 station"), ("Hashtray", "ashtray"),
        ("Plate, glass and cutlery", "plate, glass and cutlery"), ("wooden_chair", "wooden chair"),
        ("Induction cooker 2 zones", "induction cooker"), ("007", "007"),
    ],
)  # fmt: skip
def test_plain_names(name, plain):
    assert plain_name(name) == plain


def test_nouns_go_from_special_to_general():
    assert nouns_of("Coffee table") == ("coffee table", "table")
    assert nouns_of("Armchair") == ("armchair", "chair")
    assert nouns_of("Palm tree", ["Tree", "Outdoor"]) == ("palm tree", "tree")
    assert nouns_of("Captain's bed", ["Bed"]) == ("captain's bed", "bed")
    assert nouns_of("Burlap sofa", ["Couch", "Seat"]) == ("burlap sofa", "sofa", "couch")


def test_hedges_tagged_as_trees_are_no_trees():
    """Regression: "a tree" came out as a hedge."""
    assert nouns_of("High hedge", ["Tree", "Outdoor", "Garden"]) == ("high hedge", "hedge", "plant")
    assert "tree" not in nouns_of("Bush", ["Tree"])
    assert nouns_of("Poplar", ["Tree", "Outdoor"]) == ("poplar", "tree")


def test_trucks_tagged_as_cars_are_no_cars():
    assert "car" not in nouns_of("Truck", ["Car"])
    assert "car" in nouns_of("Chevrolet", ["Car"])
