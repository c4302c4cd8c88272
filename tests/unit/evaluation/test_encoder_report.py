"""Sections of made-up figures."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shapewright.evaluation.encoder_report import (
    EncoderRun,
    encoder_figures,
    encoder_headline,
    encoder_sections,
)
from shapewright.evaluation.encoder_suite import AssetResult, EncoderConfig
from shapewright.evaluation.reconstruction import Reconstruction
from shapewright.evaluation.report import write_report

CONFIG = EncoderConfig(splits=("val", "train"), refine=5)


def figures(psnr: float) -> Reconstruction:
    return Reconstruction(
        mesh_psnr_db=psnr, nerf_psnr_db=psnr + 1, mesh_ssim=0.9, nerf_ssim=0.8, chamfer=0.1, fscore=0.5,
        normal_consistency=0.7, iou=0.6,
    )  # fmt: skip


def run_of(out: Path, label: str = "one", *, assets: int = 9, refined: bool = True) -> EncoderRun:
    """Assets of 10, 11, ... dB, out of order, each with a picture whose brightness tells its number."""
    results: list[AssetResult] = []
    for split in ("val", "train"):
        for i in np.random.default_rng(0).permutation(assets):
            name = f"{split}-{i}.png"
            strip = np.concatenate(
                [np.full((4, 4, 3), 10 * i + k, dtype=np.uint8) for k in range(3 + refined)], axis=1
            )
            Image.fromarray(strip).save(out / name)
            result = AssetResult(
                id=name,
                split=split,
                name=f"asset {i}",
                category="odd" if i % 2 else "even",
                figures=figures(10.0 + i),
                refined=figures(20.0 + i) if refined else None,
                pictures=name,
            )
            results.append(result)
    return EncoderRun(label=label, sha256="abc", results=results, note="Seen otherwise.")


def test_figures_by_split_and_category(tmp_path: Path) -> None:
    found = encoder_figures(run_of(tmp_path), CONFIG)
    assert (found["model"], found["sha256"]) == ("one", "abc")
    assert found["val"]["assets"] == 9
    assert found["val"]["mesh_psnr_db"] == found["val"]["median_mesh_psnr_db"] == 14
    assert found["val"]["refined_mesh_psnr_db"] == 24
    assert found["val"]["by_category"]["odd"]["mesh_psnr_db"] == pytest.approx(np.mean([11, 13, 15, 17]))
    assert "mesh_lpips" not in found["train"]
    assert encoder_headline(found, "val")[:3] == [
        ("PSNR, mesh", "14.0 dB"), ("PSNR, NeRF", "15.0 dB"), ("PSNR, mesh, refined", "24.0 dB")
    ]  # fmt: skip


def test_table_1_has_a_row_for_each_stage(tmp_path: Path) -> None:
    runs = [run_of(tmp_path, "one"), run_of(tmp_path, "two", refined=False)]
    sections = encoder_sections(runs, CONFIG, tmp_path, ["LPIPS was left out."])
    val, train, every = sections[0].tables
    assert list(val.columns) == ["Stage", "NeRF PSNR (dB)", "STF PSNR (dB)"]
    assert val.rows == [["one", 15.0, 14.0], ["one, refined", 25.0, 24.0], ["two", 15.0, 14.0]]
    assert train.rows == val.rows
    assert len(every.rows) == 6
    assert "LPIPS mesh" not in every.columns
    assert sections[0].text == "LPIPS was left out."
    assert "5 gradient steps" in sections[-1].text
    assert "Seen otherwise." in sections[-1].text


def test_categories_from_worst_to_best(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    (table,) = encoder_sections([run], CONFIG, tmp_path)[1].tables
    assert [row[:3] for row in table.rows] == [["even", 5, 14.0], ["odd", 4, 14.0]]


def test_the_distribution_is_stairs_from_0_to_1(tmp_path: Path) -> None:
    val, _ = encoder_sections([run_of(tmp_path, assets=4)], CONFIG, tmp_path)[1].curves
    xs, ys = val.series["one"]
    assert list(xs) == [10, 10, 11, 11, 12, 12, 13, 13]
    assert list(ys) == [0, 0.25, 0.25, 0.5, 0.5, 0.75, 0.75, 1]
    assert set(val.series) == {"one", "one, refined"}


@pytest.mark.parametrize(
    ("assets", "shown"), [(9, [[0, 1, 2], [3, 4, 5], [6, 7, 8]]), (20, [[0, 1, 2], [8, 9, 10], [17, 18, 19]]),
                          (4, [[0, 1], [2, 3]]), (2, [[0], [1]]), (1, [[0]])]
)  # fmt: skip
def test_worst_median_and_best_pictures(tmp_path: Path, assets: int, shown: list[list[int]]) -> None:
    galleries = encoder_sections([run_of(tmp_path, assets=assets)], CONFIG, tmp_path)[2].galleries
    assert [g.title.split(":")[0] for g in galleries] == ["Worst", "Median", "Best"][: len(shown)]
    for gallery, numbers in zip(galleries, shown, strict=True):
        assert gallery.columns == 4
        names = [caption for caption, _ in gallery.pictures[::4]]
        assert names == [f"asset {i}" for i in numbers]
        levels = [int(picture.mean()) for _, picture in gallery.pictures]
        assert levels == [10 * i + k for i in numbers for k in range(4)]
    assert galleries[0].pictures[3][0] == "refined, 20.0 dB"


def test_it_can_be_written(tmp_path: Path) -> None:
    run = run_of(tmp_path, refined=False)
    write_report(tmp_path / "out", encoder_figures(run, CONFIG), encoder_sections([run], CONFIG, tmp_path))
    assert "asset 0" in (tmp_path / "out" / "report.html").read_text()
