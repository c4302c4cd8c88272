"""What `generate` is asked for: prompts, from the command line and a file, or pictures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shapewright.apps.cli.outputs import Job
from shapewright.errors import ConfigError, ImageError, PromptError

if TYPE_CHECKING:
    from shapewright.pipeline.conditioners import Kind

__all__ = ["Wishes", "read_wishes"]


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """Prompts or pictures, one of the two; both checked as far as they can be without a model.

    `weights`: the prompts are the parts of one mixture. `guidance`: none, one for all or one for each.
    """

    prompts: tuple[str, ...] = ()
    pictures: tuple[Path, ...] = ()
    foreground_ratio: float | None = None
    remove_background: bool = False
    weights: tuple[float, ...] = ()
    guidance: tuple[float, ...] = ()

    @property
    def kind(self) -> "Kind":
        """What the model must be able to take."""
        return "pictures" if self.pictures else "text"

    @property
    def count(self) -> int:
        return 1 if self.weights else len(self.pictures or self.prompts)

    @property
    def mix(self) -> list[tuple[str, float]] | None:
        """The mixture, if it is one."""
        return list(zip(self.prompts, self.weights, strict=True)) if self.weights else None

    @property
    def names(self) -> tuple[str, ...]:
        """Of all things to be made; of a picture that of its file, without the suffix."""
        if self.weights:
            return (" ".join(self.prompts),)
        return self.prompts or tuple(path.stem for path in self.pictures)

    def some(self, rows: slice) -> "Wishes":
        """A run of them."""
        if self.weights:
            return self
        guidance = self.guidance[rows] if len(self.guidance) > 1 else self.guidance
        return replace(self, prompts=self.prompts[rows], pictures=self.pictures[rows], guidance=guidance)

    def asked(self, row: int) -> dict[str, Any]:
        """What prompt or picture number `row` says, for machines."""
        if self.weights:
            return {"mix": dict(zip(self.prompts, self.weights, strict=True))}
        return {"image": str(self.pictures[row])} if self.pictures else {"prompt": self.prompts[row]}

    def jobs(self, seed: int, n: int) -> list[Job]:
        """Every object to be made, in order."""
        pairs = [(name, seed + k) for name in self.names for k in range(n)]
        return [Job(prompt=name, seed=seed, index=index) for index, (name, seed) in enumerate(pairs)]


def read_wishes(
    prompts: Sequence[str],
    prompts_file: Path | None,
    pictures: Sequence[Path],
    *,
    foreground_ratio: float | None,
    remove_background: bool,
    mix: Sequence[str] = (),
    guidance: Sequence[float] = (),
) -> Wishes:
    """The wishes behind the options. Raises: PromptError, ImageError, ConfigError where they are unusable."""
    wishes = _read_wishes(prompts, prompts_file, pictures, foreground_ratio, remove_background, mix)
    if len(guidance) not in (0, 1, wishes.count):
        raise ConfigError(
            f"--guidance takes one number for all or one for each of {wishes.count} prompts or pictures, "
            f"not {len(guidance)}."
        )
    return replace(wishes, guidance=tuple(guidance))


def _read_wishes(
    prompts: Sequence[str],
    prompts_file: Path | None,
    pictures: Sequence[Path],
    foreground_ratio: float | None,
    remove_background: bool,
    mix: Sequence[str],
) -> Wishes:
    if mix and (prompts or prompts_file is not None or pictures):
        raise ConfigError("--mix holds the prompts: give no others, and no pictures.")
    if pictures:
        if prompts or prompts_file is not None:
            raise ConfigError("Give either prompts or --image, not both: a model reads one of the two.")
        check_pictures(pictures, foreground_ratio, remove_background)
        return Wishes(
            pictures=tuple(pictures), foreground_ratio=foreground_ratio, remove_background=remove_background
        )
    if foreground_ratio is not None or remove_background:
        raise ConfigError(
            "--foreground-ratio and --remove-background are about pictures: add --image PICTURE."
        )
    from shapewright.conditioning.text import checked_prompts

    if mix:
        parts = [parsed_part(part) for part in mix]
        names = checked_prompts([name for name, _ in parts])
        return Wishes(prompts=tuple(names), weights=tuple(weight for _, weight in parts))
    lines = [*prompts, *prompts_in(prompts_file)]
    if not lines:
        raise PromptError(
            "No prompt was given: describe an object, for example 'a wooden chair', or show it with --image."
        )
    return Wishes(prompts=tuple(checked_prompts(lines)))


def parsed_part(part: str) -> tuple[str, float]:
    """'a sofa:0.6' as prompt and weight. Raises: ConfigError."""
    prompt, _, number = part.rpartition(":")
    try:
        weight = float(number)
    except ValueError:
        weight = -1.0
    if not prompt or not 0 < weight < float("inf"):
        raise ConfigError(
            f"--mix takes PROMPT:WEIGHT with a positive weight, such as 'a sofa:0.6', not '{part}'."
        )
    return prompt, weight


def check_pictures(pictures: Sequence[Path], foreground_ratio: float | None, remove_background: bool) -> None:
    """Open every picture before time is spent. Raises: ImageError; ConfigError."""
    from shapewright.conditioning.background import check_rembg
    from shapewright.conditioning.pictures import check_foreground_ratio, object_square, open_picture

    check_foreground_ratio(foreground_ratio)
    if remove_background:
        check_rembg()
    for path in pictures:
        picture = open_picture(path)
        try:
            object_square(picture)
        except ImageError as error:
            raise ImageError(f"'{path}': {error}") from error


def prompts_in(file: Path | None) -> list[str]:
    """The lines of a prompts file that are not empty. Raises: PromptError."""
    if file is None:
        return []
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PromptError(f"The prompts file '{file}' cannot be read as text ({error}).") from error
    prompts = [line.strip() for line in lines if line.strip()]
    if not prompts:
        raise PromptError(f"The prompts file '{file}' holds no prompt; put one on each line.")
    return prompts
