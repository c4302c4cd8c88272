"""Sentences about assets, made from names, tags, colours and materials; many ways to say the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypedDict

from shapewright.dataset.assets import Asset
from shapewright.dataset.colors import COLOR_NAMES
from shapewright.dataset.names import nouns_of

__all__ = ["Caption", "Subject", "captions_of", "material_word", "names_color", "sentences", "subject_of"]

_MATERIAL_PATTERNS = {
    "wooden": r"wood|oak|pine|walnut|teak|bois|holz|birch|timber|madera|parquet|mahogany|cherry|legno|beech",
    "metal": r"metal|steel|chrome|\biron|alum|inox|brass|copper|silver|acier",
    "glass": r"glass|cristal|verre|vidrio|crystal",
    "leather": r"leather|cuir|\bpiel\b|skai",
    "stone": r"stone|marble|granit|rock|concrete|brick|beton",
    "plastic": r"plasti|rubber|pvc",
    "wicker": r"rattan|wicker|bamboo",
}
_PLURALS = frozenset(
    (
        "scissors", "trousers", "shorts", "sunglasses", "glasses", "headphones", "sneakers", "slippers",
        "tulips", "orchids", "apples", "flowers", "rails", "keys", "pliers", "fries", "clothes", "shelves",
        "drawers", "lights", "logs", "shoes", "letters", "fluorescent",
    )
)  # fmt: skip
_COLOR_WORDS = frozenset(COLOR_NAMES)
_MASS = frozenset(("bread", "butter", "milk", "sugar", "soap", "clothes", "cutlery", "tape", "stereo"))


class Caption(TypedDict):
    """One text and the language it is in (ISO code, with country where the source says so)."""

    text: str
    language: str


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is to be said of an asset; any part but the nouns may be unknown."""

    nouns: tuple[str, ...]  # the most specific first
    color: str | None = None
    second_color: str | None = None
    material: str | None = None  # as an adjective
    shapes: tuple[str, ...] = ()  # proportions and sizes, as adjectives: of the most general noun too


def subject_of(
    name: str,
    tags: Iterable[str],
    shares: Mapping[str, float],
    material: str | None,
    shapes: Iterable[str] = (),
) -> Subject:
    """The subject of an asset whose surface carries colours in these `shares`."""
    nouns = nouns_of(name, tuple(tags))
    ranked = list(shares.items())
    color = ranked[0][0] if ranked and ranked[0][1] >= 0.4 else None
    second = ranked[1][0] if color and len(ranked) > 1 and ranked[1][1] >= 0.2 else None
    if material and re.search(f"{material}|{_MATERIAL_PATTERNS[material]}", nouns[0]):
        material = None
    return Subject(nouns=nouns, color=color, second_color=second, material=material, shapes=tuple(shapes))


def material_word(names: Iterable[tuple[str, float]]) -> str | None:
    """The adjective for what most of the surface is made of, from (material name, share of area) pairs."""
    totals = dict.fromkeys(_MATERIAL_PATTERNS, 0.0)
    for name, share in names:
        for word, pattern in _MATERIAL_PATTERNS.items():
            if re.search(pattern, name.lower()):
                totals[word] += share
                break
    word = max(totals, key=lambda key: totals[key])
    return word if totals[word] >= 0.5 else None


def names_color(text: str) -> bool:
    """Whether one of the colours that captions name stands in it."""
    return not _COLOR_WORDS.isdisjoint(re.findall(r"\w+", text.lower()))


def sentences(subject: Subject) -> list[str]:
    """English prompts a person might type for this subject, without repeats, general ones among them."""
    texts: list[str] = []
    for noun in subject.nouns:
        texts += [noun, _with_article(noun)]
        for adjective in _adjectives(subject, noun):
            texts += [f"{adjective} {noun}", _with_article(f"{adjective} {noun}")]
        if subject.color and _COLOR_WORDS.isdisjoint(noun.split()):
            texts.append(f"{_with_article(noun)} in {subject.color}")
    texts += shaped_sentences(subject)
    first = subject.nouns[0]
    texts += [f"a 3D model of {_with_article(f'{word} {first}')}" for word in _adjectives(subject, first)[:1]]
    texts.append(f"a 3D model of {_with_article(first)}")
    return list(dict.fromkeys(texts))


def shaped_sentences(subject: Subject) -> list[str]:
    """A round table, a round white table."""
    texts: list[str] = []
    for noun in subject.nouns[:3]:
        colors = [subject.color] if subject.color and _COLOR_WORDS.isdisjoint(noun.split()) else []
        shapes = [shape for shape in subject.shapes if shape not in noun.split()]
        texts += [_with_article(f"{shape} {noun}") for shape in shapes]
        texts += [_with_article(f"{shape} {color} {noun}") for shape in shapes for color in colors]
    return texts


def _adjectives(subject: Subject, noun: str) -> list[str]:
    if not _COLOR_WORDS.isdisjoint(noun.split()):  # "black table": the colour has been said
        return [subject.material] if subject.material else []
    found: list[str] = []
    if subject.color:
        found.append(subject.color)
    if subject.color and subject.second_color:
        found.append(f"{subject.color} and {subject.second_color}")
    if subject.material:
        found.append(subject.material)
    if subject.color and subject.material:
        found.append(f"{subject.color} {subject.material}")
    return found


def _with_article(phrase: str) -> str:
    """ "a red sofa", "an armchair"; plurals and masses stay bare."""
    last = phrase.split()[-1].lower()
    if last in _PLURALS or last in _MASS or (" and " in phrase and "," in phrase):
        return phrase
    first = phrase.lower()
    vowel = first[0] in "aeiou" and not first.startswith(("euro", "uni", "one"))
    return f"{'an' if vowel or first.startswith('mp3') else 'a'} {phrase}"


def captions_of(asset: Asset, subject: Subject) -> list[Caption]:
    """All captions of an asset: written ones first, then sentences, then the translated names."""
    english = dict.fromkeys([*asset.captions, *sentences(subject)])
    captions = [Caption(text=text, language="en") for text in english]
    for language, translation in asset.translations.items():
        captions.append(Caption(text=translation.name.lower(), language=language.replace("_", "-")))
    return captions
