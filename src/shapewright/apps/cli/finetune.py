"""`shapewright finetune`: a trained model learns one's own 3D models."""

import os
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from shapewright.apps.cli.command import AnyInt, AnyText, Command, Settings
from shapewright.apps.cli.terminal import Terminal, duration
from shapewright.apps.cli.training_run import going_on, losses_on
from shapewright.atomic_file import check_writable
from shapewright.errors import ConfigError

if TYPE_CHECKING:
    from shapewright.pipeline import Model
    from shapewright.training.finetuning import Finetuned
    from shapewright.training.recipes.finetuning import FinetuningRecipe

__all__ = ["Finetune"]


@dataclass(frozen=True, kw_only=True)
class Finetune(Command):
    """Teach a model a few 3D models of your own, so that prompts can call for them.

    The same command goes on where it was stopped. What comes out is a model like any other, and with LoRA
    also a small adapter file, which `generate --adapter` applies to the model that was started from.
    """

    folder: Annotated[Positional[Path], arg(metavar="FOLDER")]
    """3D models and a captions.csv (columns file, caption; a file may have several rows); a model without
    captions is called by its file's name. Or a data set from `shapewright data build`."""
    model: str = "homeware"
    """What to start from: a name from `shapewright models list`, a model folder, or the run of a prior."""
    out: Path
    """Folder of the run; the new model is in its subfolder model."""
    method: Annotated[Literal["lora", "full"] | None, arg(metavar="{lora,full}", help_behavior_hint="")] = (
        None
    )
    """lora: small changes beside the prior's matrices, also kept in a file of their own; full: all of it.
    Unless said: lora for priors of the published size or if a rank is given, full for small ones."""
    steps: AnyInt = None
    """Optimisation steps; the recipe's number if not given."""
    rank: AnyInt = None
    """Rank of LoRA's changes: more can learn more. The recipe's if not given."""
    refine: AnyInt = None
    """Steps by which the encoder's latent of each 3D model is improved first; 0 for none. The recipe's if not
    given."""
    name: AnyText = None
    """Name of the new model; the run folder's if not given."""
    seed: AnyInt = None
    """Seed of everything random; the recipe's if not given."""
    set: Settings = ()
    """Other settings of the recipe, such as loop.learning_rate=0.0005."""
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Processes that read the 3D models."""

    def __post_init__(self) -> None:
        for option in ("steps", "rank", "workers"):
            given = getattr(self, option)
            if given is not None and given < 1:
                raise ConfigError(f"--{option} must be at least 1, not {given}.")
        if self.rank is not None and self.method == "full":
            raise ConfigError("--rank is LoRA's: leave it out with --method full.")

    def run(self, terminal: Terminal) -> None:
        """Check, say what will happen, then build, encode and train, or go on."""
        check_writable(self.out / "config.json")

        from shapewright.training.finetuning import finetune, load_base
        from shapewright.training.lora import check_peft

        base = load_base(self.model)
        recipe = self.recipe_of(base)
        if recipe.lora is not None:
            check_peft()
        self.announce(terminal, base, recipe)
        with going_on(self.out), terminal.progress("Building, encoding, then training") as advance:
            done = finetune(
                self.folder,
                base,
                self.out,
                recipe,
                name=self.name or self.out.resolve().name,
                workers=self.workers,
                progress=losses_on(advance),
                working=lambda stage, done, total: advance(done, total, stage),
            )
        self.finish(terminal, done)

    def recipe_of(self, base: "Model") -> "FinetuningRecipe":
        """The recipe for that model, with the settings given in place of its own."""
        from shapewright.training.recipes import overridden
        from shapewright.training.recipes.finetuning import finetuning_recipe, is_large

        assert base.prior is not None, "bases have a prior"
        wants_lora = is_large(base.prior.config) or self.rank is not None
        method = self.method or ("lora" if wants_lora else "full")
        given = {
            "loop.steps": self.steps,
            "loop.seed": self.seed,
            "lora.rank": self.rank,
            "refine": self.refine,
        }
        changes = [f"{key}={value}" for key, value in given.items() if value is not None]
        return overridden(finetuning_recipe(method, base.prior.config), [*changes, *chain(*self.set)])

    def announce(self, terminal: Terminal, base: "Model", recipe: "FinetuningRecipe") -> None:
        """Say what will happen, where and about how long."""
        from shapewright.pipeline.device import choose_device, describe_device

        if not any((self.folder / name).is_file() for name in ("index.json", "captions.csv")):
            terminal.say(f"'{self.folder}' has no captions.csv: its models are called by their files' names.")
        seconds = seconds_per_step(base, recipe) * recipe.loop.steps
        how = "the whole prior" if recipe.lora is None else f"LoRA of rank {recipe.lora.rank}"
        terminal.say(
            f"Fine-tuning '{base.config.name}' ({how}) on '{self.folder}' for {recipe.loop.steps} steps on "
            f"{describe_device(choose_device())}, into '{self.out}': about "
            f"{duration(seconds)} on two CPU cores once the models are read. Ctrl-C stops it; the same "
            "command goes on from there."
        )

    def finish(self, terminal: Terminal, done: "Finetuned") -> None:
        """Say where everything is, and what was left out."""
        adapter = None if done.adapter is None else str(done.adapter)
        facts = {
            "run": str(self.out),
            "model": str(done.model),
            "adapter": adapter,
            "assets": done.assets,
            "skipped": done.skipped,
        }
        lines = [f"skipped {name}: {reason}" for name, reason in done.skipped.items()]
        terminal.result(facts, "\n".join([*lines, str(done.model), *([adapter] if adapter else [])]))


# Sums of products a second: a step of homeware, batch 32, takes 0.6 s on one thread of a 2-core machine; and
# the published sizes' evaluations in bf16, whose larger matrices are multiplied faster.
PRODUCTS_PER_SECOND, LARGE_PRODUCTS_PER_SECOND = 8e10, 5e11


def seconds_per_step(base: "Model", recipe: "FinetuningRecipe") -> float:
    """A guess to start with: three passes through the blocks' matrices; the bar knows better soon."""
    from shapewright.training.recipes.finetuning import is_large

    assert base.prior is not None, "bases have a prior"
    prior = base.prior.config
    weights = 12 * prior.width**2 * prior.layers
    pace = LARGE_PRODUCTS_PER_SECOND if is_large(prior) else PRODUCTS_PER_SECOND
    return 6 * weights * prior.latent_tokens * recipe.loop.batch_size / pace
