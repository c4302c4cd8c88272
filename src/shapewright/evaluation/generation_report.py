"""The prior's suite as sections of a report: tables in the shape of the paper's, samples, curves."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from shapewright.dataset.loader import AssetRecord
from shapewright.evaluation.generation import GenerationConfig, GenerationRun, Judged
from shapewright.evaluation.point_features import SetScores
from shapewright.evaluation.report import Cell, Curve, Gallery, Section, Table
from shapewright.evaluation.sample_set import Sample
from shapewright.evaluation.samples import is_called

__all__ = ["generation_headline", "generation_sections"]

PICTURE_PX = 128
SET_MEASURES = ("coverage", "minimum_matching", "nearest_neighbour")
SHOWN, FAILURES = 48, 12


def generation_headline(run: GenerationRun) -> list[tuple[str, str]]:
    """The few figures that are shown large."""
    scores = run.figures["samples"]
    headline = [(f"R-Precision, {each.name}", f"{each.retrieval.precision:.0%}") for each in run.judged]
    return [
        *headline,
        ("right kind", f"{scores['category']:.0%}"),
        ("right colour", f"{scores['color']:.0%}"),
    ]


def generation_sections(
    run: GenerationRun, config: GenerationConfig, left_out: Sequence[str] = ()
) -> list[Section]:
    """What the page shows of the samples. left_out: what was not measured, and why."""
    return [
        Section(
            title="Samples",
            text="\n\n".join([about(run, config), *left_out]),
            tables=[retrieval_table(run), quality_table(run), *set_tables(run)],
            galleries=[samples_gallery(run, config)],
        ),
        Section(
            title="Prompts",
            tables=[prompts_table(run)],
            curves=[similarity_curve(run.judged)] if run.judged else [],
            galleries=failures(run),
        ),
        Section(
            title="Nearest training assets",
            text=(
                "Left a sample, right the training asset with the smallest chamfer distance. A model that "
                "copies would show the same thing twice, and samples would be nearer to training assets than "
                "held-out assets are."
            ),
            curves=[novelty_curve(run)],
            galleries=[nearest_gallery(run)],
        ),
    ]


def about(run: GenerationRun, config: GenerationConfig) -> str:
    return (
        f"{len(run.samples)} samples of {len(config.prompts)} prompts, seeds 0 to {config.seeds - 1}.\n\n"
        "R-Precision is the share of samples whose own prompt is the nearest of all by the cosine of "
        "embeddings. A sample is seen from four sides, 20 degrees from above, under the light of training; "
        "the views' embeddings are averaged. A ceiling is the same figure of real held-out assets."
    )


def retrieval_table(run: GenerationRun) -> Table:
    """In the shape of the paper's Table 2."""
    columns = ["method", *(f"R-Precision (%), {judged.name}" for judged in run.judged), "seconds a sample"]
    model: list[Cell] = [run.figures["model"]]
    rows: list[list[Cell]] = [
        [*model, *(percent(j.retrieval.precision) for j in run.judged), run.figures["seconds_a_sample"]],
        ["real held-out assets", *(percent(judged.ceiling) for judged in run.judged), None],
        ["a guess", *(percent(judged.retrieval.chance) for judged in run.judged), None],
    ]
    return Table(title="R-Precision and latency", columns=columns, rows=rows)


def percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 1)


def quality_table(run: GenerationRun) -> Table:
    """Everything that needs no judge."""
    scores, diversity = run.figures["samples"], run.figures["diversity"]
    novelty = run.figures["novelty"]
    rows: list[list[Cell]] = [
        ["nearest training asset is of the prompted kind (%)", percent(scores["category"])],
        ["the same of a random training asset (%)", percent(scores["chance"])],
        ["colour asked for covers 30% of the surface (%)", percent(scores["color"])],
        ["of colours that no training asset of the kind has: right in both (%)", new_obeyed(scores)],
        ["without a surface (%)", percent(scores["empty"])],
        ["diversity: chamfer distance of two seeds of a prompt", diversity["within_prompt"]],
        ["diversity: of two prompts", diversity["across_prompts"]],
        ["novelty: chamfer distance to the nearest training asset", novelty["samples"]],
        ["the same of held-out assets", novelty["held_out_assets"]],
        ["nearer to a training asset than 95% of held-out assets (%; 5 is new)", percent(novelty["copies"])],
    ]
    note = "Chamfer distances between 512 points, in a box 2 wide."
    return Table(title="Quality, diversity, novelty", columns=["measure", "value"], rows=rows, note=note)


def new_obeyed(scores: dict[str, Any]) -> Cell:
    return percent(scores["new_obeyed"]) if scores["new"] else None


def set_tables(run: GenerationRun) -> list[Table]:
    """Sets of samples against sets of assets."""
    tables = [networks_table(run)] if run.sets else []
    return [described_table(run), *tables] if "described" in run.figures else tables


def described_table(run: GenerationRun) -> Table:
    """Measures of PointFlow's evaluation."""
    found = run.figures["described"]
    rows: list[list[Cell]] = []
    for name, key in (("samples of their descriptions", "generated"), ("training assets", "training_assets")):
        each = found[key] or dict.fromkeys(("clouds", *SET_MEASURES))
        shares = [percent(each["coverage"]), each["minimum_matching"], percent(each["nearest_neighbour"])]
        rows.append([name, each["clouds"], *shares])
    return Table(
        title=f"Compared with {found['assets']} held-out assets",
        columns=["set", "shapes", "coverage (%)", "minimum matching distance", "1-NN accuracy (%)"],
        rows=rows,
        note="One sample is drawn by what is said of each held-out asset. Coverage: 100 is best; 1-NN "
        "accuracy: 50 is best, 100 means that the sets can be told apart. Real training assets in the place "
        "of samples show what can be reached.",
    )


def networks_table(run: GenerationRun) -> Table:
    """Frechet distances and inception scores."""
    names = list(run.sets)
    kinds = ("FID", "FID floor", "IS")
    columns = ["set", "shapes", *(f"{name}-{kind}" for name in names for kind in kinds)]
    rows: list[list[Cell]] = [
        [label, first.clouds, *(n for name in names for n in numbers_of(run.sets[name][label]))]
        for label, first in run.sets[names[0]].items()
    ]
    return Table(
        title="Point clouds as classifiers see them",
        columns=columns,
        rows=rows,
        note="Frechet distances are to the training assets. Lower is better for FID, higher for IS; both "
        "hang on the number of shapes. FID is too high where these are few: the floor is that of as many "
        "training assets drawn at random. P: PointNet++ as in Point-E, comparable only for the same weights. "
        "own: our classifier, learnt on this data set, comparable only with itself.",
    )


def numbers_of(scores: SetScores) -> tuple[float | None, float | None, float]:
    return scores.fid, scores.floor, scores.inception


def prompts_table(run: GenerationRun) -> Table:
    """Every prompt's shares."""
    hits = run.figures["samples"]["by_prompt"]
    columns = ["prompt", "right kind (%)", *(f"retrieved (%), {judged.name}" for judged in run.judged)]
    rows = [
        [text, percent(share), *(percent(retrieved(run, judged, text)) for judged in run.judged)]
        for text, share in hits.items()
    ]
    return Table(title="By prompt", columns=columns, rows=rows)


def retrieved(run: GenerationRun, judged: Judged, text: str) -> float:
    texts = list(dict.fromkeys(sample.prompt.text for sample in run.samples))
    rows = [i for i, sample in enumerate(run.samples) if sample.prompt.text == text]
    return float(np.mean(judged.retrieval.nearest[rows] == texts.index(text)))


def similarity_curve(judged: Sequence[Judged]) -> Curve:
    """How near samples are to their prompts, from the farthest to the nearest."""
    series = {
        each.name: (
            np.linspace(0, 100, len(each.retrieval.similarity)).tolist(),
            sorted(each.retrieval.similarity.tolist()),
        )
        for each in judged
    }
    return Curve(
        title="Cosine of samples and their prompts", x_label="samples (%)", y_label="cosine", series=series
    )


def novelty_curve(run: GenerationRun) -> Curve:
    """Distances to the nearest training asset, from the smallest to the largest."""
    distances = [match.distance for match in run.matches if match is not None]
    lines = {"samples": sorted(distances), "held-out assets": sorted(run.held_out.tolist())}
    return Curve(
        title="Distance to the nearest training asset",
        x_label="share of the set (%)",
        y_label="chamfer distance",
        series={name: (np.linspace(0, 100, len(ys)).tolist(), ys) for name, ys in lines.items() if ys},
    )


def samples_gallery(run: GenerationRun, config: GenerationConfig) -> Gallery:
    shown = run.samples[:SHOWN]
    pictures = [(sample.prompt.text, front(sample)) for sample in shown]
    return Gallery(
        title="Samples, as they came", pictures=pictures, columns=config.seeds * max(1, 6 // config.seeds)
    )


def failures(run: GenerationRun) -> list[Gallery]:
    """What judges like least, and what is nearest to another kind of thing."""
    return [*([worst_gallery(run)] if run.judged else []), *wrong_kind_galleries(run)]


def wrong_kind_galleries(run: GenerationRun) -> list[Gallery]:
    """The farthest from all training assets first; none if all are of the right kind."""
    wrong = [
        (match.distance, f"{sample.prompt.text}: like {match.record.name.lower()}", sample)
        for sample, match in zip(run.samples, run.matches, strict=True)
        if match is not None and not is_called(match.record, sample.prompt.nouns)
    ]
    worst = sorted(wrong, key=lambda each: -each[0])[:FAILURES]
    pictures = [(caption, front(sample)) for _, caption, sample in worst]
    if not pictures:
        return []
    return [Gallery(title="Nearest to another kind of thing", pictures=pictures, columns=6)]


def worst_gallery(run: GenerationRun) -> Gallery:
    first = run.judged[0]
    texts = list(dict.fromkeys(sample.prompt.text for sample in run.samples))
    order = np.argsort(first.retrieval.similarity)[:FAILURES].tolist()
    pictures = [
        (f"{run.samples[i].prompt.text}: seen as {taken_for(first, i, texts)}", front(run.samples[i]))
        for i in order
    ]
    return Gallery(title=f"Farthest from their prompts, {first.name}", pictures=pictures, columns=6)


def taken_for(judged: Judged, row: int, texts: Sequence[str]) -> str:
    nearest = int(judged.retrieval.nearest[row])
    return texts[nearest] if nearest >= 0 else "nothing"


def nearest_gallery(run: GenerationRun) -> Gallery:
    """One sample of each prompt beside its nearest training asset."""
    first: dict[str, int] = {}
    for i, sample in enumerate(run.samples):
        first.setdefault(sample.prompt.text, i)
    pictures: list[tuple[str, np.ndarray]] = []
    for text, row in list(first.items())[: SHOWN // 2]:
        match = run.matches[row]
        if match is not None:
            caption = f"{text} | {match.record.name.lower()}, {match.distance:.3f}"
            pictures.append((caption, beside(front(run.samples[row]), view(match.record))))
    return Gallery(title="Samples and what they are nearest to", pictures=pictures, columns=4)


def front(sample: Sample) -> np.ndarray:
    """(128, 128, 3) on white; white for a sample without a surface."""
    if sample.pictures is None:
        return np.full((PICTURE_PX, PICTURE_PX, 3), 255, dtype=np.uint8)
    return on_white(sample.pictures[0])


def view(record: AssetRecord) -> np.ndarray:
    return on_white(Image.fromarray(record.views().images[0]))


def on_white(picture: Image.Image) -> np.ndarray:
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture.convert("RGBA"))
    return np.asarray(white.convert("RGB").resize((PICTURE_PX, PICTURE_PX)))


def beside(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.concatenate([left, right], axis=1)
