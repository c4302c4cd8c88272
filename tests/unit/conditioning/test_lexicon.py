"""Prompts of other languages, by the lexicon that ships and by small ones."""

from pathlib import Path

import pytest

from shapewright.conditioning.lexicon import (
    Understanding,
    build_lexicon,
    household_lexicon,
    understood,
    write_lexicon,
)
from shapewright.conditioning.lexicon_words import ADJECTIVES, COLORS, MATERIALS, SHAPES


@pytest.mark.parametrize(
    ("prompt", "language", "english"),
    [
        ("ein roter Sessel", "de", "a red armchair"),
        ("Ein ROTER sessel", "de", "a red armchair"),
        ("grüne Badewanne", "de", "a green bathtub"),
        ("ein Baum", "de", "a tree"),
        ("une table ronde en bois", "fr", "a wooden round table"),
        ("une voiture rouge", "fr", "a red car"),
        ("una silla azul", "es", "a blue chair"),
        ("una poltrona rossa in pelle", "it", "a red leather armchair"),
        ("uma cama branca", "pt", "a white bed"),
        ("een blauwe stoel", "nl", "a blue chair"),
        ("ett vitt bord", "sv", "a white table"),
        ("punainen sohva", "fi", "a red sofa"),
        ("zelené křeslo", "cs", "a green armchair"),
        ("czerwona kanapa", "pl", "a red sofa"),
        ("piros szék", "hu", "a red chair"),
        ("красное кресло", "ru", "a red armchair"),
        ("κόκκινη καρέκλα", "el", "a red chair"),
        ("kırmızı sandalye", "tr", "a red chair"),
        ("một chiếc ghế màu đỏ", "vi", "a red chair"),
        ("赤い椅子", "ja", "a red chair"),
        ("白い丸いテーブル", "ja", "a round white table"),
        ("红色的椅子", "zh-CN", "a red chair"),
    ],
)
def test_what_people_type(prompt: str, language: str, english: str) -> None:
    assert understood(prompt, household_lexicon()) == Understanding(text=english, language=language)


@pytest.mark.parametrize(
    "prompt",
    [
        "a red chair",
        "a bed",  # Dutch too
        "A WOODEN TABLE",
        "a sofa with gold legs",
        "a zorbix",
        "un zorbix",
        "?",
        "a chair in the style of a Sessel",
    ],
)
def test_english_and_what_is_not_known_stay(prompt: str) -> None:
    assert understood(prompt, household_lexicon()) == Understanding(text=prompt)


def test_accents_may_be_composed_or_not() -> None:
    decomposed = "kr\u030ceslo"  # r and a caron
    assert understood(decomposed, household_lexicon()).text == "an armchair"


def test_the_commonest_noun_of_a_name_wins() -> None:
    lexicon = build_lexicon(
        [
            ("de", "Stuhl 2", "office chair"),
            ("de", "Stuhl", "chair"),
            ("de", "Stuhl", "chair"),
            ("de", "Bed", "bed"),
        ]
    )
    assert lexicon.names["de"]["stuhl"] == "chair"
    assert "bed" not in lexicon.names["de"], "the same in English"
    assert understood("zwei Stuhl", lexicon).text == "a chair", (
        "a word that is not known, shorter than the one that is"
    )


def test_all_adjectives_are_there_in_all_languages() -> None:
    for language, beginnings in ADJECTIVES.items():
        english = {word for word, _ in beginnings.values()}
        assert english >= {*COLORS, *SHAPES} - {"beige"}, language
        assert len(english & set(MATERIALS)) >= 6, language


def test_the_lexicon_is_small_and_the_same_every_time(tmp_path: Path) -> None:
    write_lexicon(household_lexicon(), tmp_path / "one.json.gz")
    write_lexicon(household_lexicon(), tmp_path / "two.json.gz")
    assert (tmp_path / "one.json.gz").read_bytes() == (tmp_path / "two.json.gz").read_bytes()
    assert (tmp_path / "one.json.gz").stat().st_size < 150_000
