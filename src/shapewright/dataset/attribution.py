"""Who made the assets of a data set, and under which licence."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from shapewright.dataset.loader import read_index

__all__ = ["attribution_markdown"]


def attribution_markdown(directory: Path | str) -> str:
    """A page that credits every creator: by licence and creator, the names of the assets.

    Raises: DatasetError if `directory` is not a data set.
    """
    by_license: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    records = read_index(directory)["records"]
    for record in records:
        by_license[record["license"]][record["creator"]].append(f"{record['name']} ({record['source']})")
    lines = ["# Attribution", "", f"The {len(records)} 3D models that the data set was made from.", ""]
    for license_name in sorted(by_license):
        lines += [f"## {license_name}", ""]
        for creator, names in sorted(by_license[license_name].items(), key=lambda item: item[0].lower()):
            lines.append(f"- **{creator}**: {', '.join(sorted(names))}")
        lines.append("")
    return "\n".join(lines)
