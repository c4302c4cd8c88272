"""The prior's suite as sections of a report: tables in the shape of the paper's, samples, curves."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from shapewright.dataset.loader import AssetRecord
from shapewright.evaluation.generation import GenerationConfig, GenerationRun, Judged
from shapewright.evaluation.report import Cell, Curve, Gallery, Section, Table
from shapewright.evaluation.sample_set import Sample

__all__ = ["generation_headline", "generation_sections"]

PICTURE_PX = 128
SHOWN = 48


def generation_headline(run: GenerationRun) -> list[tuple[str, str]]:
    """The few figures that are shown large."""
    scores = run.figures["samples"]
    headline = [(f"R-Precision, {each.name}", f"{each.retrieval.precision:.0%}") for each in run.judged]
    return [
        *headline,
        ("right kind", f"{scores['category']:.0%}"),
        ("right colour", f"{scores['color']:.0%}"),
    ]


def generation_sections(run: GenerationRun, config: GenerationConfig) -> list[Section]:
    """What the page shows of the samples."""
    return [
        Section(
            title="Samples",
            text=about(run, config),
            tables=[retrieval_table(run), quality_table(run)],
            galleries=[samples_gallery(run, config)],
        ),
        Section(
            title="Prompts",
            tables=[prompts_table(run)],
            curves=[similarity_curve(run.judged)] if run.judged else [],
            galleries=[worst_gallery(run)] if run.judged else [],
        ),
        Section(
            title="Nearest training assets",
            text=(
                "Left a sample, right the training asset with the smallest chamfer distance. A model that "
                "copies would show the same thing twice, and samples would be nearer to training assets than "
                "held-out assets are."
            ),
            galleries=[nearest_gallery(run)],
        ),
    ]


def about(run: GenerationRun, config: GenerationConfig) -> str:
    return (
        f"{len(run.samples)} samples: {len(config.prompts)} prompts, {config.seeds} seeds each.\n\n"
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
    rows: list[list[Cell]] = [
        ["nearest training asset is of the prompted kind (%)", percent(scores["category"])],
        ["the same of a random training asset (%)", percent(scores["chance"])],
        ["colour asked for covers 30% of the surface (%)", percent(scores["color"])],
        ["without a surface (%)", percent(scores["empty"])],
        ["diversity: chamfer distance of two seeds of a prompt", diversity["within_prompt"]],
        ["diversity: of two prompts", diversity["across_prompts"]],
        ["novelty: chamfer distance to the nearest training asset", run.figures["novelty"]["samples"]],
    ]
    if "described" in run.figures:
        found = run.figures["described"]
        rows += [
            ["the same of held-out assets", run.figures["novelty"]["held_out_assets"]],
            [f"coverage of {found['assets']} held-out assets (%)", percent(found["coverage"])],
            ["minimum matching distance", found["minimum_matching"]],
            ["1-nearest-neighbour accuracy (%; 50 is best)", percent(found["nearest_neighbour"])],
        ]
    note = "Chamfer distances between 512 points, in a box 2 wide."
    return Table(title="Quality, diversity, novelty", columns=["measure", "value"], rows=rows, note=note)


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


def samples_gallery(run: GenerationRun, config: GenerationConfig) -> Gallery:
    shown = run.samples[:SHOWN]
    pictures = [(sample.prompt.text, front(sample)) for sample in shown]
    return Gallery(title="Samples, as they came", pictures=pictures, columns=2 * config.seeds)


def worst_gallery(run: GenerationRun) -> Gallery:
    first = run.judged[0]
    texts = list(dict.fromkeys(sample.prompt.text for sample in run.samples))
    order = np.argsort(first.retrieval.similarity)[:12].tolist()
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
    first = {sample.prompt.text: i for i, sample in reversed(list(enumerate(run.samples)))}
    pictures: list[tuple[str, np.ndarray]] = []
    for text, row in list(first.items())[: SHOWN // 2]:
        record = run.nearest[row]
        if record is not None:
            pictures.append(
                (f"{text} | {record.name.lower()}", beside(front(run.samples[row]), view(record)))
            )
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
