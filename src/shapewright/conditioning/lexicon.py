"""Prompts in the catalogue's other languages, put into the English that the model was told.

A lexicon of names, no translator: it knows what the catalogue calls its things, colours, materials and a few
shapes. What it does not know it leaves as it is.
"""

import gzip
import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from shapewright.atomic_file import replacing
from shapewright.conditioning.lexicon_words import ADJECTIVES, GENERAL_NOUNS, SMALL_WORDS, UNSPACED
from shapewright.errors import ModelError

__all__ = ["Lexicon", "Understanding", "build_lexicon", "household_lexicon", "understood", "write_lexicon"]

FILE = "household_lexicon.json.gz"
SAME_LANGUAGE = {"pt-PT": "pt"}
# Letters by which a form may be longer than the beginning that it is known by.
LONGEST_ENDING = 3
_ENGLISH = (
    "a an the of in with and on for wood gray oval rectangular long small big large little double single "
    "black white grey brown beige red orange yellow green blue purple pink wooden metal glass leather stone "
    "plastic wicker round square tall low"
)
ENGLISH = frozenset(re.findall(r"\w+", _ENGLISH))


@dataclass(frozen=True, kw_only=True)
class Lexicon:
    """`names`: per language, what things are called and their English nouns; `english`: words of these."""

    names: Mapping[str, Mapping[str, str]]
    english: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Understanding:
    """What a prompt is taken for; `language` is None where it was left as it is."""

    text: str
    language: str | None = None


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A prompt read in one language: how many of its letters said something, and what."""

    noun: str | None
    adjectives: tuple[tuple[int, str], ...]
    known: int
    unknown: int


def understood(prompt: str, lexicon: Lexicon) -> Understanding:
    """The prompt in English, if it is in one of the lexicon's languages and more of it is known than not."""
    words = words_of(prompt)
    if not words or all(word in lexicon.english or word in ENGLISH for word in words):
        return Understanding(text=prompt)
    readings = {language: read(prompt, language, lexicon) for language in lexicon.names}
    best = max(readings, key=lambda language: (-readings[language].unknown, readings[language].known))
    reading = readings[best]
    in_english = sum(len(word) for word in words if word in lexicon.english or word in ENGLISH)
    if reading.noun is None or reading.unknown > reading.known or in_english > reading.known:
        return Understanding(text=prompt)
    return Understanding(text=phrase(reading), language=best)


def phrase(reading: Reading) -> str:
    """ "a round white table": shape, colour, material, noun, each adjective once."""
    assert reading.noun is not None
    said = reading.noun.split()
    adjectives = [word for _, word in sorted(dict.fromkeys(reading.adjectives)) if word not in said]
    whole = " ".join([*adjectives, reading.noun])
    return f"{'an' if whole[0] in 'aeiou' else 'a'} {whole}"


def read(prompt: str, language: str, lexicon: Lexicon) -> Reading:
    """The longest name that stands in the prompt, and what the other words say."""
    text = plain(prompt)
    names, unspaced = lexicon.names[language], language in UNSPACED
    noun, rest = longest_name(text, names, unspaced)
    known = 0 if noun is None else len(text) - len(rest)
    beginnings = {plain(b): meaning for b, meaning in ADJECTIVES.get(language, {}).items()}
    ordered = sorted(beginnings, key=len, reverse=True)
    adjectives: list[tuple[int, str]] = []
    for beginning in ordered:
        found = re.search(pattern_of(beginning, unspaced), rest)
        if found is not None:
            word, kind = beginnings[beginning]
            adjectives.append((kind, word))
            known += len(found.group().strip())
            rest = rest[: found.start()] + " " + rest[found.end() :]
    small = {plain(word) for word in SMALL_WORDS.get(language, "").split()}
    if unspaced:
        for word in small:
            rest = rest.replace(word, " ")
    left = [word for word in re.findall(r"\w+", rest) if word not in small]
    return Reading(
        noun=noun, adjectives=tuple(adjectives), known=known, unknown=sum(len(word) for word in left)
    )


def pattern_of(beginning: str, unspaced: bool) -> str:
    """A form of a beginning as a whole word; in languages without spaces, the beginning itself."""
    escaped = re.escape(beginning)
    return escaped if unspaced else rf"\b{escaped}\w{{0,{LONGEST_ENDING}}}\b"


def longest_name(text: str, names: Mapping[str, str], unspaced: bool) -> tuple[str | None, str]:
    """(the English noun of the longest known name in the text, the text without that name)."""
    if unspaced:
        spans = [(i, j) for i in range(len(text)) for j in range(len(text), i, -1)]
    else:
        bounds = [match.span() for match in re.finditer(r"\w+", text)]
        spans = [(first[0], last[1]) for i, first in enumerate(bounds) for last in bounds[i:]]
    for start, end in sorted(spans, key=lambda span: span[0] - span[1]):
        noun = names.get(text[start:end])
        if noun is not None:
            return noun, text[:start] + " " + text[end:]
    return None, text


def plain(text: str) -> str:
    """Lower case, composed, one space between words: as names are kept and prompts looked up."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def words_of(text: str) -> list[str]:
    return re.findall(r"\w+", plain(text))


def build_lexicon(names: Iterable[tuple[str, str, str]]) -> Lexicon:
    """Of (language, name, English noun) of many things; a name for several things gets the commonest noun."""
    counts: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    english: set[str] = set()
    for language, name, noun in names:
        kept = plain(re.sub(r"\(.*?\)|[\d#°.,]+", " ", name)).strip(" -")
        english.update(words_of(noun))
        if kept and kept != plain(noun):
            counts[SAME_LANGUAGE.get(language, language), kept][noun] += 1
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for (language, name), nouns in counts.items():
        most = max(nouns.values())
        found[language][name] = min((n for n, c in nouns.items() if c == most), key=lambda n: (len(n), n))
    for language, general in GENERAL_NOUNS.items():
        if language in found:
            found[language] |= {plain(name): noun for name, noun in general.items()}
    return Lexicon(names=dict(found), english=frozenset(english))


def write_lexicon(lexicon: Lexicon, path: Path) -> None:
    """As gzipped JSON, the same bytes for the same lexicon. Raises: OutputError."""
    content = {"names": lexicon.names, "english": sorted(lexicon.english)}
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    with replacing(path) as temporary:
        temporary.write_bytes(gzip.compress(text.encode(), mtime=0))


@cache
def household_lexicon() -> Lexicon:
    """The one that ships. Raises: ModelError if it is missing."""
    try:
        packed = resources.files("shapewright.conditioning").joinpath(FILE).read_bytes()
    except OSError as error:
        raise ModelError(
            "The lexicon of household words is missing from this installation: reinstall it."
        ) from error
    content = json.loads(gzip.decompress(packed))
    return Lexicon(names=content["names"], english=frozenset(content["english"]))
