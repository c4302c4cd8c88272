from pathlib import Path

from shapewright.dataset.assets import Asset, Translation
from shapewright.dataset.captions import (
    Subject,
    captions_of,
    material_word,
    names_color,
    sentences,
    subject_of,
)


def test_sentences_name_thing_colour_and_material():
    texts = sentences(Subject(nouns=("armchair", "chair"), color="red", material="wooden"))
    for expected in ("armchair", "an armchair", "a red chair", "a wooden chair", "a red wooden armchair"):
        assert expected in texts
    assert len(texts) == len(set(texts))


def test_a_colour_in_the_name_is_not_said_again():
    texts = sentences(Subject(nouns=("black table", "table"), color="black", material="wooden"))
    assert "a black table" in texts
    assert "a wooden black table" in texts
    assert not any("black black" in text or "black table in" in text for text in texts)


def test_which_texts_name_a_colour():
    assert names_color("a red sofa")
    assert names_color("Sofa in Grey")
    assert not names_color("a bored goldfinch")


def test_articles():
    assert "an orange vase" in sentences(Subject(nouns=("vase",), color="orange"))
    assert "a vase" in sentences(Subject(nouns=("vase",), color="orange"))
    assert sentences(Subject(nouns=("scissors",)))[0] == "scissors"
    assert "a scissors" not in sentences(Subject(nouns=("scissors",)))
    assert "an MP3 station" in sentences(Subject(nouns=("MP3 station",)))


def test_a_colour_is_said_only_if_it_prevails():
    assert subject_of("Chair", [], {"red": 0.7, "black": 0.25}, None).color == "red"
    assert subject_of("Chair", [], {"red": 0.7, "black": 0.25}, None).second_color == "black"
    mixed = subject_of("Chair", [], {"red": 0.35, "black": 0.33, "blue": 0.32}, None)
    assert mixed.color is None
    assert mixed.second_color is None


def test_a_material_is_not_said_twice():
    assert subject_of("Wooden table", [], {}, "wooden").material is None
    assert subject_of("Iron railing", [], {}, "metal").material is None
    assert subject_of("Glass", [], {}, "glass").material is None
    assert subject_of("Table", [], {}, "wooden").material == "wooden"


def test_material_words_need_half_of_the_surface():
    assert material_word([("Oak_dark x.jpg", 0.4), ("m1 pine.png", 0.2), ("steel", 0.4)]) == "wooden"
    assert material_word([("Oak", 0.4), ("paint", 0.6)]) is None
    assert material_word([]) is None


def test_written_captions_come_first_and_translations_keep_their_language():
    asset = Asset(
        id="a",
        path=Path("a.obj"),
        name="Chair",
        captions=("a chair to sit on",),
        translations={"fr": Translation(name="Chaise"), "zh_CN": Translation(name="椅子")},
    )
    captions = captions_of(asset, Subject(nouns=("chair",)))
    assert captions[0] == {"text": "a chair to sit on", "language": "en"}
    assert {"text": "chaise", "language": "fr"} in captions
    assert {"text": "椅子", "language": "zh-CN"} in captions


def test_shapes_are_said_of_every_noun_and_with_the_colour() -> None:
    subject = subject_of("Coffee table", [], {"white": 0.9}, None, ("round",))
    texts = sentences(subject)
    for text in ("a round coffee table", "a round table", "a round white table"):
        assert text in texts
    named = sentences(subject_of("Round table", [], {"white": 0.9}, None, ("round",)))
    assert "a round white table" in named
    assert not any("round round" in text for text in named)
