"""`shapewright evaluate judge`: train the in-domain judge and measure its ceiling."""

from dataclasses import dataclass
from pathlib import Path

from shapewright.apps.cli.command import Command
from shapewright.apps.cli.outputs import check_suffix
from shapewright.apps.cli.terminal import Terminal, duration
from shapewright.atomic_file import check_writable

__all__ = ["TrainJudge"]

# Measured on one CPU core; most of it is spent seeing pictures.
SECONDS_PER_PICTURE, SECONDS_PER_STEP = 0.03, 0.02


@dataclass(frozen=True, kw_only=True)
class TrainJudge(Command):
    """Train a judge of samples on a data set's views and captions; it is for evaluation only.

    It learns from the training split, and says how often it is right about real assets of both.
    """

    data: Path
    """Folder of a data set, from `shapewright data build`."""
    out: Path
    """The judge's file, .safetensors."""
    steps: int = 2500
    """Steps of training, after the pictures were seen."""

    def run(self, terminal: Terminal) -> None:
        """See, train, measure, write."""
        check_suffix(self.out, (".safetensors",), "--out")
        check_writable(self.out)

        from shapewright.dataset.loader import read_index
        from shapewright.evaluation.judge import save_judge
        from shapewright.training.judge import JudgeConfig, train_judge

        config = JudgeConfig(steps=self.steps)
        assets = sum(entry["split"] == "train" for entry in read_index(self.data)["records"])
        pictures = assets * config.draws * config.views
        seconds = pictures * SECONDS_PER_PICTURE + config.steps * SECONDS_PER_STEP
        terminal.say(
            f"Training a judge on {pictures} pictures of {assets} assets of '{self.data}': "
            f"about {duration(seconds)}."
        )
        with terminal.progress("Training") as advance:
            judge = train_judge(self.data, config, advance)
        save_judge(judge, self.out)
        lines = [
            f"Real {split} assets nearest to their own captions: {judge.figures[split]['captions']:.1%}"
            for split in ("train", "val")
        ]
        terminal.result({"out": str(self.out), **judge.figures}, "\n".join([*lines, str(self.out)]))
