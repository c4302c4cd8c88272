"""The three files of a report."""

import base64
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shapewright.evaluation.report import Curve, Gallery, Section, Table, as_markdown, shown, write_report

TABLE = Table(
    title="Table 1",
    columns=["Stage", "PSNR (dB)", "kind"],
    rows=[["Transmitter & <more>", 22.456, "a|b"], ["Finetuned", None, "c"]],
    note="On 3 assets.",
)
VOID = {"meta", "img", "circle", "line", "polyline"}


class Page(HTMLParser):
    """What a browser would find: tags that were opened and closed in order, pictures, text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.attributes if name == tag]


@pytest.fixture
def page(tmp_path: Path) -> str:
    picture = np.zeros((5, 7, 3), dtype=np.uint8)
    picture[1, 2] = (10, 200, 30)
    sections = [
        Section(title="Figures", text="One.\n\nTwo <b>.", tables=[TABLE]),
        Section(
            title="Looks",
            galleries=[Gallery(title="Worst", pictures=[("truth", picture), ("", picture)], columns=2)],
            curves=[
                Curve(
                    title="Distribution",
                    x_label="dB",
                    y_label="share",
                    series={"val": ([1, 2, float("nan")], [0, 1, 1]), "train": ([1, 3], [0.5, 0.5])},
                )
            ],
        ),
    ]
    figures = {"val": {"psnr_db": np.float64(2.5), "worst": float("inf")}, "list": (1, None)}
    write_report(tmp_path, figures, sections, title="A & B", about="about it", headline=[("PSNR", "22.4 dB")])
    return (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_page_is_whole_and_needs_nothing_else(page: str) -> None:
    found = Page(page)
    assert found.open == []
    text = " ".join(" ".join(found.words).split())
    for said in ("A & B", "about it", "22.4 dB", "Transmitter & <more>", "22.46", "On 3 assets.", "Two <b>."):
        assert said in text
    assert not re.search(r"https?://|<script|<link|@import|url\(", page)


def test_pictures_are_inside_the_page(page: str) -> None:
    first, second = Page(page).all("img")
    assert (first["alt"], second["alt"]) == ("truth", "Worst")
    kind, data = str(first["src"]).split(",")
    assert kind == "data:image/png;base64"
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    assert image.shape == (5, 7, 3)
    assert tuple(image[1, 2]) == (10, 200, 30)


def test_curves_are_drawn_with_a_line_for_each_series(page: str) -> None:
    corners = [str(line["points"]).split() for line in Page(page).all("polyline")]
    assert [len(line) for line in corners] == [2, 2]  # the third of the first is no number
    (start, end), (left, right) = ([tuple(map(float, c.split(","))) for c in line] for line in corners)
    assert start[0] == left[0] < end[0] < right[0]
    assert start[1] > left[1] == right[1] > end[1]  # upwards is downwards in pixels


def test_figures_are_json_without_what_json_does_not_know(page: str, tmp_path: Path) -> None:
    assert page
    found = json.loads((tmp_path / "results.json").read_text())
    assert found == {"val": {"psnr_db": 2.5, "worst": None}, "list": [1, None]}


def test_tables_as_markdown(page: str, tmp_path: Path) -> None:
    assert page
    text = (tmp_path / "tables.md").read_text(encoding="utf-8")
    assert text == as_markdown(
        [Section(title="Figures", text="One.\n\nTwo <b>.", tables=[TABLE]), Section(title="Looks")],
        title="A & B",
        about="about it",
    )
    assert "| Stage | PSNR (dB) | kind |\n| --- | ---: | --- |\n" in text
    assert "| Transmitter & <more> | 22.46 | a\\|b |\n| Finetuned | – | c |\n\nOn 3 assets." in text


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, "–"),
        (7, "7"),
        (24.3149, "24.31"),
        (0.98765, "0.988"),
        (0.012345, "0.0123"),
        (-3.0, "-3.000"),
        (float("inf"), "∞"),
        (float("nan"), "–"),
        ("x", "x"),
    ],
)
def test_numbers_for_people(cell: str | float | None, text: str) -> None:
    assert shown(cell) == text
