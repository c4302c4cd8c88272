"""`shapewright evaluate classifier`: train the small classifier of shapes that own-FID and own-IS are of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shapewright.apps.cli.command import Command
from shapewright.apps.cli.outputs import check_suffix
from shapewright.apps.cli.terminal import Terminal, duration
from shapewright.atomic_file import check_writable

if TYPE_CHECKING:
    from shapewright.evaluation.shape_classifier import ShapeClassifier
    from shapewright.training.shape_classifier import ClassifierConfig

__all__ = ["TrainClassifier", "classifier_of"]

# Measured on one CPU core.
SECONDS_PER_STEP = 0.08


@dataclass(frozen=True, kw_only=True)
class TrainClassifier(Command):
    """Train a classifier of point clouds on a data set's common kinds; it is for evaluation only.

    It learns from the training split, and says how often it is right about held-out assets.
    """

    data: Path
    """Folder of a data set, from `shapewright data build`."""
    out: Path
    """The classifier's file, .safetensors."""
    steps: int = 600
    """Steps of training."""

    def run(self, terminal: Terminal) -> None:
        """Train, measure, write."""
        check_suffix(self.out, (".safetensors",), "--out")
        check_writable(self.out)

        from shapewright.training.shape_classifier import ClassifierConfig

        classifier = trained(self.data, self.out, ClassifierConfig(steps=self.steps), terminal)
        figures = {"classes": list(classifier.classes), **classifier.figures}
        accuracy, chance = figures["accuracy"], figures["chance"]
        known = "unknown" if accuracy is None else f"{accuracy:.1%} (always the commonest: {chance:.1%})"
        lines = [
            f"{len(classifier.classes)} kinds: {', '.join(classifier.classes)}",
            f"Accuracy on {figures['assets']} held-out assets: {known}",
            str(self.out),
        ]
        terminal.result({"out": str(self.out), **figures}, "\n".join(lines))


def classifier_of(data: Path, path: Path, terminal: Terminal) -> ShapeClassifier:
    """The one in `path` if it learnt from `data` as it is; or else a new one, which is kept there.

    Raises: DatasetError if the data set has not two common kinds; OutputError.
    """
    from shapewright.errors import ModelError
    from shapewright.evaluation.shape_classifier import load_classifier
    from shapewright.training.shape_classifier import ClassifierConfig, hash_of

    try:
        found = load_classifier(path)
    except ModelError:  # none yet, or one that cannot be used
        return trained(data, path, ClassifierConfig(), terminal)
    if found.figures.get("data_sha256") == hash_of(data):
        return found
    return trained(data, path, ClassifierConfig(), terminal)


def trained(data: Path, path: Path, config: ClassifierConfig, terminal: Terminal) -> ShapeClassifier:
    """Say what is done, do it, write the file."""
    from shapewright.evaluation.shape_classifier import save_classifier
    from shapewright.training.shape_classifier import train_classifier

    terminal.say(
        f"Training a classifier of shapes on '{data}': about {duration(config.steps * SECONDS_PER_STEP)}."
    )
    with terminal.progress("Training") as advance:
        classifier = train_classifier(data, config, advance)
    save_classifier(classifier, path)
    return classifier
