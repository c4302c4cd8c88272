"""What the encoder's suite found, as figures and as sections of a report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from shapewright.evaluation.encoder_suite import AssetResult, EncoderConfig
from shapewright.evaluation.reconstruction import Reconstruction, mean_of
from shapewright.evaluation.report import Cell, Curve, Gallery, Section, Table

__all__ = ["EncoderRun", "encoder_figures", "encoder_headline", "encoder_sections"]

PICTURES = 3  # of the worst, the middle and the best
CATEGORIES = 8  # of the worst and of the best
COLUMNS = {
    "mesh_psnr_db": "PSNR mesh (dB)",
    "nerf_psnr_db": "PSNR NeRF (dB)",
    "mesh_ssim": "SSIM mesh",
    "nerf_ssim": "SSIM NeRF",
    "mesh_lpips": "LPIPS mesh",
    "nerf_lpips": "LPIPS NeRF",
    "chamfer": "Chamfer",
    "fscore": "F-score",
    "normal_consistency": "Normals",
    "iou": "IoU",
}
SPLITS = {"val": "validation", "train": "training"}


@dataclass(frozen=True, kw_only=True)
class EncoderRun:
    """A model's results. label: what it is called beside others; note: which views it was judged by."""

    label: str
    sha256: str
    results: list[AssetResult]
    note: str = ""

    def of_split(self, split: str) -> list[AssetResult]:
        return [result for result in self.results if result.split == split]


def encoder_figures(run: EncoderRun, config: EncoderConfig) -> dict[str, Any]:
    """By split: means over its assets, those of refined latents after `refined_`, and means by category."""
    figures: dict[str, Any] = {"model": run.label, "sha256": run.sha256}
    for split in config.splits:
        results = run.of_split(split)
        figures[split] = {
            "assets": len(results),
            **means(results),
            "median_mesh_psnr_db": float(np.median(psnrs(results))),
            "by_category": {name: means(group) for name, group in by_category(results).items()},
        }
    return figures


def encoder_headline(figures: Mapping[str, Any], split: str) -> list[tuple[str, str]]:
    """A model's most telling figures, of one split."""
    found = figures[split]
    wanted = [
        ("PSNR, mesh", "mesh_psnr_db", ".1f", " dB"),
        ("PSNR, NeRF", "nerf_psnr_db", ".1f", " dB"),
        ("PSNR, mesh, refined", "refined_mesh_psnr_db", ".1f", " dB"),
        ("SSIM, mesh", "mesh_ssim", ".3f", ""),
        ("F-score", "fscore", ".2f", ""),
        ("Volume IoU", "iou", ".2f", ""),
    ]
    return [(name, f"{found[key]:{form}}{unit}") for name, key, form, unit in wanted if key in found]


def encoder_sections(
    runs: Sequence[EncoderRun], config: EncoderConfig, out: Path, left_out: Sequence[str] = ()
) -> list[Section]:
    """Tables, curves, pictures and how they came about; `out` is where the suite put the pictures.

    left_out: what was not measured, and why.
    """
    tables = [table_1(runs, split) for split in config.splits]
    return [
        Section(
            title="Reconstructions", text="\n\n".join(left_out), tables=[*tables, all_figures(runs, config)]
        ),
        Section(
            title="Spread of reconstructions",
            text="Which share of the assets comes back with no more than so many decibels, as meshes.",
            tables=[category_table(run, config.splits[0]) for run in runs],
            curves=[spread_curve(runs, split) for split in config.splits],
        ),
        Section(
            title="Pictures of reconstructions",
            galleries=[gallery for run in runs for gallery in galleries_of(run, config, out)],
        ),
        Section(title="How reconstructions were measured", text=protocol(runs, config)),
    ]


def protocol(runs: Sequence[EncoderRun], config: EncoderConfig) -> str:
    """In words, paragraph by paragraph."""
    paragraphs = [
        f"Every asset is encoded and rendered again: {config.views} views of its mesh and "
        f"{config.nerf_views} of its NeRF (fewer where the data set has fewer), through the cameras of the "
        "data set's pictures of it and under their light. Whole pictures on black are compared.",
        "Chamfer distance (in units of a box of side 2) and F-score at 1% of the box's side are of 4096 "
        "points on each surface, the asset's being what can be seen of it from outside. Normals: the mean "
        "|cosine| of nearest points, both ways, against the surface that the field targets describe. IoU is "
        "of volumes over the whole box: signs of the field against those of the targets, at queries from "
        "which no refinement learns, each weighted by the room that it stands for.",
        "An asset that comes back without a surface counts as black pictures, chamfer distance 1, and "
        "F-score, normals and IoU 0.",
    ]
    if config.refine:
        paragraphs.append(
            f"Refined: the latent improved by {config.refine} gradient steps on the asset itself."
        )
    return "\n\n".join([*paragraphs, *(run.note for run in runs if run.note)])


def table_1(runs: Sequence[EncoderRun], split: str) -> Table:
    """PSNR by model in the shape of the paper's Table 1."""
    rows: list[list[Cell]] = []
    for label, results in variants(runs, split):
        found = mean_of(results)
        rows.append([label, found["nerf_psnr_db"], found["mesh_psnr_db"]])
    return Table(
        title=f"PSNR of NeRF and mesh, {SPLITS[split]} assets",
        columns=["Stage", "NeRF PSNR (dB)", "STF PSNR (dB)"],
        rows=rows,
        note=f"In the shape of the paper's Table 1, over {len(runs[0].of_split(split))} assets; its figures "
        "are of other assets and views and cannot be compared with these.",
    )


def all_figures(runs: Sequence[EncoderRun], config: EncoderConfig) -> Table:
    found = {
        f"{label}, {SPLITS[split]}": (len(results), mean_of(results))
        for split in config.splits
        for label, results in variants(runs, split)
    }
    names = [name for name in COLUMNS if any(name in means for _, means in found.values())]
    return Table(
        title="All figures",
        columns=["", *(COLUMNS[name] for name in names), "Assets"],
        rows=[[label, *(means.get(name) for name in names), n] for label, (n, means) in found.items()],
        note="Means over assets. Lower is better for LPIPS and chamfer distance, higher for the others.",
    )


def variants(runs: Sequence[EncoderRun], split: str) -> list[tuple[str, list[Reconstruction]]]:
    """Of every model what its encoder gives, and after it what refinement makes of that."""
    found: list[tuple[str, list[Reconstruction]]] = []
    for run in runs:
        results = run.of_split(split)
        found.append((run.label, [result.figures for result in results]))
        if refined := refined_of(results):
            found.append((f"{run.label}, refined", refined))
    return found


def spread_curve(runs: Sequence[EncoderRun], split: str) -> Curve:
    """Cumulative distributions, as stairs with a step at every asset."""
    series: dict[str, tuple[list[float], list[float]]] = {}
    for label, results in variants(runs, split):
        values = sorted(result.mesh_psnr_db for result in results)
        shares = [rank / len(values) for rank in range(len(values) + 1)]
        series[label] = (list(np.repeat(values, 2)), list(np.repeat(shares, 2)[1:-1]))
    return Curve(
        title=f"Distribution of PSNR, {SPLITS[split]} assets",
        x_label="PSNR of mesh views (dB)",
        y_label="share of assets",
        series=series,
    )


def category_table(run: EncoderRun, split: str) -> Table:
    """The worst categories and the best; all of them if they are few."""
    groups = by_category(run.of_split(split))
    order = sorted(groups, key=lambda name: float(np.mean(psnrs(groups[name]))))
    few = len(order) <= 2 * CATEGORIES
    names = order if few else order[:CATEGORIES] + order[-CATEGORIES:]
    shown = ("mesh_psnr_db", "nerf_psnr_db", "fscore", "iou")
    rows = [[name, len(groups[name]), *(means(groups[name])[key] for key in shown)] for name in names]
    left = "" if few else f"; {len(order) - len(names)} between them are left out"
    return Table(
        title=f"Categories from worst to best: {run.label}, {SPLITS[split]} assets",
        columns=["Category", "Assets", *(COLUMNS[key] for key in shown)],
        rows=rows,
        note=f"By the PSNR of mesh views{left}.",
    )


def galleries_of(run: EncoderRun, config: EncoderConfig, out: Path) -> list[Gallery]:
    """The worst, the middle and the best assets of the first split."""
    split = config.splits[0]
    order = sorted(run.of_split(split), key=lambda result: result.figures.mesh_psnr_db)
    found: list[Gallery] = []
    for title, chosen in extremes(order).items():
        pictures = [picture for result in chosen for picture in pictures_of(result, out)]
        columns = 4 if config.refine else 3
        whole = f"{title}: {run.label}, {SPLITS[split]} assets"
        found.append(Gallery(title=whole, pictures=pictures, columns=columns, note=ROWS[config.refine > 0]))
    return found


ROWS = {
    False: "The asset, its mesh, its NeRF; decibels are means over all views that were compared.",
    True: "The asset, its mesh, its NeRF, the mesh of its refined latent; decibels are means over all views "
    "that were compared.",
}


def extremes(order: Sequence[AssetResult]) -> dict[str, Sequence[AssetResult]]:
    """Of assets from worst to best; no asset twice."""
    count = min(PICTURES, -(-len(order) // 3))
    middle = max(count, (len(order) - count) // 2)
    rest = order[middle:]
    return {
        name: chosen
        for name, chosen in {
            "Worst": order[:count],
            "Median": rest[:count],
            "Best": rest[count:][-count:],
        }.items()
        if chosen
    }


def pictures_of(result: AssetResult, out: Path) -> list[tuple[str, np.ndarray]]:
    """The strip that the suite wrote, cut up again, with captions."""
    with Image.open(out / result.pictures) as image:
        strip = np.asarray(image.convert("RGB"))
    captions = [
        result.name,
        f"mesh, {result.figures.mesh_psnr_db:.1f} dB",
        f"NeRF, {result.figures.nerf_psnr_db:.1f} dB",
    ]
    if result.refined is not None:
        captions.append(f"refined, {result.refined.mesh_psnr_db:.1f} dB")
    return list(zip(captions, np.split(strip, len(captions), axis=1), strict=True))


def means(results: Sequence[AssetResult]) -> dict[str, float]:
    return {**mean_of([r.figures for r in results]), **mean_of(refined_of(results), "refined_")}


def refined_of(results: Sequence[AssetResult]) -> list[Reconstruction]:
    return [result.refined for result in results if result.refined is not None]


def psnrs(results: Sequence[AssetResult]) -> list[float]:
    return [result.figures.mesh_psnr_db for result in results]


def by_category(results: Sequence[AssetResult]) -> dict[str, list[AssetResult]]:
    groups: dict[str, list[AssetResult]] = {}
    for result in results:
        groups.setdefault(result.category, []).append(result)
    return groups
