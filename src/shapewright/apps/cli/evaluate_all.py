"""`shapewright evaluate all`: reconstructions and samples of one model in one report."""

from dataclasses import dataclass, replace

from shapewright.apps.cli.evaluate_encoder import EncoderOptions, check_report_folder, encoder_part
from shapewright.apps.cli.evaluate_prior import PriorOptions, prior_part
from shapewright.apps.cli.terminal import Terminal
from shapewright.errors import ConfigError

__all__ = ["All"]


@dataclass(frozen=True, kw_only=True)
class All(PriorOptions, EncoderOptions):
    """Measure a whole model: what its encoder gives back, and what its prior makes of prompts.

    As `evaluate encoder` and `evaluate prior`, with one report for both.
    """

    def __post_init__(self) -> None:
        if len(self.model) != 1:
            raise ConfigError(f"A whole evaluation is of one model, got {', '.join(self.model) or 'none'}.")

    def run(self, terminal: Terminal) -> None:
        """Measure, draw, judge, write."""
        check_report_folder(self.out)

        from shapewright.evaluation.report import finite, write_report

        seen = encoder_part(self, terminal)
        made = prior_part(self, self.model[0], self.data, self.out, self.device, terminal)
        figures = {"encoder": seen.figures, "prior": made.figures}
        write_report(
            self.out,
            figures,
            [*(replace(section) for section in seen.sections), *made.sections],
            title=f"Evaluation of {self.model[0]}",
            about=seen.about,
            headline=[*seen.headline, *made.headline],
        )
        report = self.out / "report.html"
        terminal.result(finite({**figures, "report": str(report)}), f"{seen.text}\n\n{made.text}\n\n{report}")
