"""Does a picture of a held-out asset make something like it? Ranks by chamfer distance, and a sheet.

    python benchmarks/pictures.py --data data/homeware [--model homeware] [--assets 32] [--sheet pictures.png]

Each asset's first view is the picture. `nearer_than`: the share of the other held-out assets that are farther
from the sample than its own asset is; 50% is chance.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from PIL import Image

from shapewright import Pipeline
from shapewright.dataset.loader import load_dataset
from shapewright.evaluation.chosen import choose
from shapewright.evaluation.generation_metrics import chamfer_distances
from shapewright.evaluation.prompts import Prompt
from shapewright.evaluation.sample_set import Sample
from shapewright.render.contact_sheet import Strip, contact_sheet

POINTS = 512


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Ask a model for what pictures of held-out assets show."""

    data: Path
    """Folder of the data set."""
    model: str = "homeware"
    """A model's name or folder."""
    assets: int = 32
    """Held-out assets."""
    sheet: Path | None = None
    """Also draw pictures and samples there, a .png."""

    def run(self) -> None:
        """Draw, rank, print."""
        held_out = load_dataset(self.data, "val")
        chosen = choose(held_out, self.assets, "val")
        pictures = [Image.fromarray(record.views().images[0]) for record in chosen]
        made = Pipeline.from_pretrained(self.model).generate(image=pictures)
        samples = [Sample.of_asset(Prompt(text="", nouns=()), asset) for asset in made]
        shares = [
            nearer_than(sample, own.id, [(r.id, r.points) for r in held_out])
            for sample, own in zip(samples, chosen, strict=True)
        ]
        print(json.dumps({"assets": len(chosen), **summary(np.array(shares))}))
        if self.sheet is not None:
            strips = [
                Strip(caption=record.name.lower(), pictures=[seen(picture), front(sample)])
                for record, picture, sample in zip(chosen, pictures, samples, strict=True)
            ]
            contact_sheet(strips, columns=4).save(self.sheet)


def nearer_than(sample: Sample, own: str, others: list[tuple[str, np.ndarray]]) -> float:
    """Share of the other assets that are farther away than its own; 0 without a surface."""
    if sample.cloud is None:
        return 0.0
    clouds = np.stack([points[:POINTS, :3] for _, points in others]).astype(np.float32)
    distances = chamfer_distances(sample.cloud[None, :POINTS, :3].astype(np.float32), clouds)[0]
    row = next(i for i, (name, _) in enumerate(others) if name == own)
    return float((distances > distances[row]).sum() / (len(others) - 1))


def summary(shares: np.ndarray) -> dict[str, float]:
    return {
        "nearer_than_mean": float(shares.mean()),
        "nearer_than_median": float(np.median(shares)),
        "share_above_90_percent": float((shares >= 0.9).mean()),
    }


def seen(picture: Image.Image) -> np.ndarray:
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture)
    return np.asarray(white.convert("RGB").resize((128, 128)), dtype=np.float32) / 255


def front(sample: Sample) -> np.ndarray:
    return np.ones((128, 128, 3), np.float32) if sample.pictures is None else seen(sample.pictures[0])


if __name__ == "__main__":
    tyro.cli(Pictures).run()
