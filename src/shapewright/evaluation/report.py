"""A report of figures, tables, pictures and curves: JSON for machines, Markdown and a page for people."""

import base64
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, StrictUndefined
from PIL import Image

from shapewright.atomic_file import replacing
from shapewright.evaluation.curve_drawing import drawing_of

__all__ = [
    "Cell",
    "Curve",
    "Gallery",
    "Section",
    "Table",
    "as_markdown",
    "finite",
    "shown",
    "table_as_markdown",
    "write_report",
]

Cell = str | int | float | None
# With more columns a row no longer fits across a phone: there it becomes a card.
COLUMNS_OF_A_PHONE = 4
TEMPLATE = "report.html.jinja"


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of text and numbers; the first column names the row. None is shown as a dash."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""

    def __post_init__(self) -> None:
        assert all(len(row) == len(self.columns) for row in self.rows), "a cell for every column"


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """Pictures with captions, uint8 (H, W, 3) or (H, W, 4), row by row in `columns`."""

    title: str
    pictures: Sequence[tuple[str, np.ndarray]]
    columns: int
    note: str = ""

    def __post_init__(self) -> None:
        assert self.columns >= 1


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Lines by name, each (xs, ys), in one frame."""

    title: str
    x_label: str
    y_label: str
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]]


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading and what stands under it. Blank lines in `text` part paragraphs."""

    title: str
    text: str = ""
    tables: Sequence[Table] = ()
    galleries: Sequence[Gallery] = ()
    curves: Sequence[Curve] = ()


def write_report(
    folder: Path,
    figures: Mapping[str, Any],
    sections: Sequence[Section],
    *,
    title: str = "Evaluation",
    about: str = "",
    headline: Sequence[tuple[str, str]] = (),
) -> None:
    """Write results.json, tables.md and report.html (one file that needs no other) into `folder`.

    about: a line under the title. headline: a few (name, figure) that are shown large. Numbers that are not
    finite are null in the JSON file, which knows no others.
    Raises: OutputError.
    """
    contents = {
        "results.json": json.dumps(finite(figures), indent=2, ensure_ascii=False, allow_nan=False) + "\n",
        "tables.md": as_markdown(sections, title=title, about=about),
        "report.html": as_html(sections, title=title, about=about, headline=headline),
    }
    for name, text in contents.items():
        with replacing(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def as_markdown(sections: Sequence[Section], *, title: str, about: str = "") -> str:
    """Text and tables of all sections; pictures and curves are left to the page."""
    blocks = [f"# {title}", about]
    for section in sections:
        blocks += [f"## {section.title}", section.text]
        for table in section.tables:
            blocks += [f"### {table.title}", table_as_markdown(table), table.note]
    return "\n\n".join(block for block in blocks if block) + "\n"


def table_as_markdown(table: Table) -> str:
    """The rows without title and note."""
    numeric = numeric_columns(table)
    rule = ["---:" if number else "---" for number in numeric]
    rows = [table.columns, rule, *([shown(cell) for cell in row] for row in table.rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)


def as_html(
    sections: Sequence[Section], *, title: str, about: str = "", headline: Sequence[tuple[str, str]] = ()
) -> str:
    """The page: light or dark as the reader's system is, with pictures and curves inside it."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = resources.files("shapewright.evaluation").joinpath(TEMPLATE).read_text(encoding="utf-8")
    return environment.from_string(source).render(
        sections=sections,
        title=title,
        about=about,
        headline=headline,
        shown=shown,
        embedded=embedded,
        drawing_of=drawing_of,
        numeric_columns=numeric_columns,
        columns_of_a_phone=COLUMNS_OF_A_PHONE,
    )


def numeric_columns(table: Table) -> list[bool]:
    """Which columns hold numbers only, and are set to the right."""
    return [
        any(not isinstance(row[i], str | None) for row in table.rows)
        and all(not isinstance(row[i], str) for row in table.rows)
        for i in range(len(table.columns))
    ]


def shown(cell: Cell) -> str:
    """A cell as text: numbers with four digits, as many as such figures are worth."""
    if cell is None:
        return "–"
    if isinstance(cell, str | int):
        return str(cell)
    if not math.isfinite(cell):
        return "–" if math.isnan(cell) else "∞" if cell > 0 else "−∞"
    digits = 2 if abs(cell) >= 10 else 3 if abs(cell) >= 0.1 else 4
    return f"{cell:.{digits}f}"


def embedded(picture: np.ndarray) -> str:
    """A picture as an address that holds it."""
    assert picture.dtype == np.uint8
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def finite(value: Any) -> Any:
    """The same with None for every number that is not finite, which JSON does not know."""
    if isinstance(value, Mapping):
        return {str(key): finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    if isinstance(value, np.generic):
        return finite(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value
