"""The public way in: a prompt or a picture becomes an asset, a 3D file becomes one, two make one between.

A frozen encoder reads the prompt or the picture; the prior, sampled by diffusion, draws a latent for it; the
latent is an asset, which the field decodes. A mesh gives points and views, which the encoder turns into a
latent too.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import torch
from PIL import Image
from torch import Tensor

from shapewright.conditioning import TextConditioner
from shapewright.conditioning.clip import ImageConditioner
from shapewright.errors import ConfigError, ModelError
from shapewright.pipeline.adapter import adapted, load_adapter
from shapewright.pipeline.asset import Asset
from shapewright.pipeline.asset_input import encoder_input, read_source, require_encoder
from shapewright.pipeline.conditioners import Conditioners, Picture, PictureOptions, Subjects
from shapewright.pipeline.device import choose_device
from shapewright.pipeline.drawing import (
    STRENGTH,
    Beginning,
    Drawing,
    Mix,
    checked_mix,
    guidance_of_each,
)
from shapewright.pipeline.draws import Draw, Progress
from shapewright.pipeline.latent_file import Origin, load_latent
from shapewright.pipeline.latent_refinement import (
    REFINE_STEPS,
    RefinementConfig,
    refine_asset,
    steps_of_encoding,
)
from shapewright.pipeline.model_folder import Model
from shapewright.pipeline.named_model import config_of, model_of
from shapewright.pipeline.precision import Precision, choose_encoder_precision, choose_precision
from shapewright.pipeline.refinement_targets import RefinementTargets, targets_of_mesh
from shapewright.prior import SamplerConfig, Solver
from shapewright.prior.precision import lower, pack, precision_of

__all__ = ["Pipeline"]

# Beyond this a larger batch is no faster on the devices tried, and memory grows.
BATCH_SIZE = 16
PRECISION_NAMES = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}


class Pipeline:
    """A model ready for use.

    The encoders of prompts and pictures are loaded, on the pipeline's device, when they are first needed.
    With `keep_encoders=False` they are freed again after every use, before the prior is sampled (CLIP
    ViT-L/14 takes 0.5 GB for text and 1.2 GB for pictures); `release_encoders` does that once.
    `text_encoder` and `image_encoder` replace those of the model's config. `encode_in` is what 3D files are
    encoded in, fp32 or bf16.

    >>> pipe = Pipeline.from_pretrained("homeware", device="cpu")
    >>> asset = pipe.generate("a wooden chair", seed=0)[0]
    >>> asset.export("chair.glb")
    """

    def __init__(
        self,
        model: Model,
        *,
        text_encoder: TextConditioner | None = None,
        image_encoder: ImageConditioner | None = None,
        keep_encoders: bool = True,
        device: str = "auto",
        encode_in: torch.dtype = torch.float32,
    ) -> None:
        self.model = model
        self.encode_in = encode_in
        self.device = choose_device(device)
        self.keep_encoders = keep_encoders
        self._conditioners = Conditioners(model, self.device, text=text_encoder, image=image_encoder)
        model.autoencoder.to(self.device).eval()
        if model.prior is not None:
            pack(model.prior.to(self.device).eval())

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path,
        *,
        adapter: str | Path | None = None,
        device: str = "auto",
        precision: Precision = "auto",
        with_encoder: bool = True,
        keep_encoders: bool = True,
    ) -> Self:
        """A named model (`shapewright models list`), a model folder, or one in the layout of diffusers.

        adapter: the file of an adapter that `shapewright finetune` made for this model.
        device: 'auto' takes CUDA, MPS or the CPU, the first there is.
        precision: of the prior's large matrices, and of the encoder's products. 'fp32' draws the same samples
            on every machine but for rounding; 'bf16' slightly others, in half the memory and time; 'auto'
            takes bf16 for large priors where the device has instructions for it.
        with_encoder: whether 3D files will be encoded; without, memory is saved.
        Raises: ModelError for an unknown name, damaged files or an adapter of another model; ConfigError for
        a device that is not there or an unknown precision.

        >>> Pipeline.from_pretrained("homeware", device="cpu", with_encoder=False).precision
        'fp32'
        """
        changes = None if adapter is None else load_adapter(Path(adapter))
        dtype = choose_precision(precision, choose_device(device), config_of(name).prior)
        read_as = dtype if changes is None else torch.float32  # changes are added before rounding
        model = model_of(name, precision=read_as, with_encoder=with_encoder)
        model = model if changes is None else adapted(model, changes)
        if model.prior is not None and dtype != read_as:
            lower(model.prior, dtype)
        encoder = choose_encoder_precision(precision, choose_device(device), model.config.autoencoder.encoder)
        return cls(model, device=device, keep_encoders=keep_encoders, encode_in=encoder)

    @property
    def precision(self) -> str:
        """Of the prior's large matrices: 'fp32', 'bf16'; 'fp32' for a model without a prior."""
        prior = self.model.prior
        return PRECISION_NAMES[torch.float32 if prior is None else precision_of(prior)]

    def generate(
        self,
        prompt: str | Sequence[str] | None = None,
        *,
        image: Picture | Sequence[Picture] | None = None,
        foreground_ratio: float | None = None,
        remove_background: bool = False,
        seed: int = 0,
        n: int = 1,
        steps: int | None = None,
        guidance: float | Sequence[float] | None = None,
        solver: Solver | None = None,
        negative: str | None = None,
        mix: Mix | None = None,
        init: Asset | str | Path | None = None,
        strength: float | None = None,
        batch_size: int = BATCH_SIZE,
        progress: Progress | None = None,
    ) -> list[Asset]:
        """`n` assets for each prompt or picture, with seeds seed, seed + 1, ...; all of the first come first.

        An asset depends on its prompt or picture, seed and settings, never on what else is drawn with it.
        Exactly one of `prompt`, `image` and `mix` is given, as the model has it.

        image: a path or PIL image, or several; any size, mode and EXIF orientation. The object is centred on
            a white square, whole. It is what the alpha channel shows; without alpha it is what is not white,
            if the border is white, or else the whole picture.
        foreground_ratio: the object's longer side as a share, 0.1 to 1, of the square's. None: 0.8 for
            objects cut out by alpha; opaque pictures are only padded to a square.
        remove_background: cut the object out of a photograph first, with rembg, which must be installed.
        steps, guidance, solver: the model's own if None. Guidance is one for all, or one for each prompt or
            picture; 1 follows it plainly, more exaggerates, 0 ignores it. dpmpp2m, dpmpp3m and unipc
            evaluate the prior once a step, heun (the reference's) twice. progress(done, total) is called
            after every step.
        negative: a prompt to keep away from: guidance leads from it, not from what is made without a prompt.
        mix: prompts with weights, [("a sofa", 0.6), ("a bathtub", 0.4)], made into one object: in every step
            the weighted mean of what the prior would make of each. Weights are divided by their sum.
        init: an asset of this model, or its latent file, to begin with in place of noise alone. strength,
            above 0 and at most 1 (default 0.6), is how far it is noised and what share of the steps is taken:
            little is changed at 0.2, hardly anything is left at 1.
        batch_size: how many are drawn at once; memory grows with it, results do not change.

        Raises: PromptError for an empty or an endless prompt; ImageError for a picture that cannot be read,
        is too large or shows nothing; ConfigError for settings out of range, not one of prompt, image and
        mix, or a missing rembg; ModelError for a model of the other kind, whose encoder cannot be loaded, or
        that did not make `init`; AssetFileError for an `init` that cannot be read.

        >>> chair, lamp = pipe.generate(["a wooden chair", "a lamp"], guidance=[4, 6], negative="a bed")
        >>> chair, chair.origin.settings["guidance"]
        (Asset('a wooden chair', seed 0, latent (32, 32), model 'homeware'), 4.0)
        >>> between = pipe.generate(mix=[("a sofa", 0.6), ("a bathtub", 0.4)], steps=8)[0]
        >>> between.prompt
        '0.6 a sofa + 0.4 a bathtub'
        >>> red = pipe.generate("a red chair", init=chair, strength=0.5, steps=8)[0]
        """
        if n < 1 or seed < 0 or batch_size < 1:
            raise ConfigError(
                f"n and batch_size must be at least 1, seed not negative; got {n}, {batch_size} and {seed}."
            )
        sampler = self.sampler(steps=steps, solver=solver)
        guidance = sampler.guidance if guidance is None else guidance
        for number in [guidance] if isinstance(guidance, int | float) else guidance:
            self.sampler(guidance=number)  # checked before encoders are loaded
        beginning = self._beginning(init, strength)
        options = PictureOptions(foreground_ratio=foreground_ratio, remove_background=remove_background)
        subjects, avoided = self._read(prompt, image, mix, negative, options)
        drawing = Drawing(
            sampler=sampler,
            guidance=guidance_of_each(guidance, len(subjects.names)),
            negative=avoided,
            beginning=beginning,
        )
        draws = [
            Draw(row=row, tokens=tokens, guidance=drawing.guidance[row], seed=seed + k)
            for row, tokens in enumerate(subjects.tokens)
            for k in range(n)
        ]
        latents = drawing.latents(self.model, subjects, draws, batch_size, progress)
        common: dict[str, Any] = {} if self.precision == "fp32" else {"precision": self.precision}
        common |= {"adapter_sha256": self.model.adapter} if self.model.adapter else {}
        return [
            self.asset(
                latents[draw],
                prompt=subjects.names[draw.row],
                seed=draw.seed,
                settings={**drawing.settings(subjects, draw.row), **common},
            )
            for draw in draws
        ]

    def release_encoders(self) -> None:
        """Free the memory of the text and image encoders; the next prompt or picture loads them again.

        >>> pipe.release_encoders()
        """
        self._conditioners.release()

    def encode(
        self, path: str | Path, *, refine: int | None = None, progress: Progress | None = None
    ) -> Asset:
        """The asset nearest to a 3D file (GLB, glTF, OBJ, PLY, STL, OFF, 3MF).

        The mesh is centred and scaled into the box; the same file always gives the same latent, (tokens,
        channels) in [-1, 1], improved in so many steps of `refine`, of which progress(done, total) tells:
        60 if not given, or none for the published models; 0 is the encoder's answer as it is.
        Raises: AssetFileError if the file cannot be used; ModelError for a model that has no encoder;
        ConfigError if `refine` is negative.

        >>> pipe.encode("chair.glb", refine=0).origin.settings
        {'encoded_from': 'chair.glb'}
        """
        path, autoencoder = Path(path), self.model.autoencoder
        steps = steps_of_encoding(autoencoder.field.config) if refine is None else refine
        config = RefinementConfig(steps=steps) if steps else None
        require_encoder(path, self.model.config)
        source = read_source(path)
        seen = encoder_input(source, self.model.config).to(self.device)
        in_bf16 = self.encode_in == torch.bfloat16
        with torch.no_grad(), torch.autocast(self.device.type, torch.bfloat16, enabled=in_bf16):
            latent = autoencoder.encode(seen.points, seen.views)[0]
        asset = self.asset(latent, prompt=path.stem, seed=None, settings={"encoded_from": path.name})
        if config is None:
            return asset
        targets = targets_of_mesh(source, autoencoder.field.config)
        return refine_asset(asset, autoencoder.field, targets, config, progress)

    def refine(
        self,
        asset: Asset,
        source: str | Path | RefinementTargets,
        *,
        steps: int = REFINE_STEPS,
        progress: Progress | None = None,
    ) -> Asset:
        """The asset made more like `source`, the 3D file it was encoded from: gradient steps on the latent.

        Its `origin.settings` say `refine_steps`, and `iou_before` and `iou_after` at points not learnt from.
        Raises: AssetFileError; ConfigError for less than 1 step; ModelError for another model's asset.

        >>> better = pipe.refine(pipe.encode("chair.glb"), "chair.glb", steps=2)
        >>> better.origin.settings["refine_steps"]
        2
        """
        config = RefinementConfig(steps=steps)
        self._require_own(asset.origin, repr(asset.prompt))
        field = self.model.autoencoder.field
        if not isinstance(source, RefinementTargets):
            source = targets_of_mesh(read_source(Path(source)), field.config)
        return refine_asset(asset, field, source, config, progress)

    def interpolate(self, first: Asset, second: Asset, fraction: float) -> Asset:
        """The asset on the straight line between two latents: 0 is the first, 1 the second.

        Raises: ConfigError if `fraction` is outside [0, 1].

        >>> first, second = pipe.generate(["a wooden chair", "a red sofa"], steps=8)
        >>> [pipe.interpolate(first, second, k / 4).origin.settings["fraction"] for k in range(5)]
        [0.0, 0.25, 0.5, 0.75, 1.0]
        """
        if not 0 <= fraction <= 1:
            raise ConfigError(f"The fraction between two assets must be in 0..1, got {fraction}.")
        latent = torch.lerp(first.latent, second.latent, fraction)
        settings = {"fraction": fraction, "seeds": [first.seed, second.seed]}
        return self.asset(latent, prompt=f"{first.prompt} -> {second.prompt}", seed=None, settings=settings)

    def load(self, path: str | Path) -> Asset:
        """The asset in a latent file that this model made.

        Raises: AssetFileError if it cannot be read; ModelError if another model made it.

        >>> asset.save("chair.safetensors")
        >>> pipe.load("chair.safetensors").prompt
        'a wooden chair'
        """
        latent, origin = load_latent(Path(path))
        self._require_own(origin, f"'{path}'")
        return Asset(latent, self.model.autoencoder.field, origin)

    def sampler(
        self, *, steps: int | None = None, guidance: float | None = None, solver: Solver | None = None
    ) -> SamplerConfig:
        """The model's sampling settings, with these in place of its own where given.

        >>> pipe.sampler(steps=8).evaluations
        8
        """
        return self.model.config.sampling(steps=steps, guidance=guidance, solver=solver)

    def asset(self, latent: Tensor, *, prompt: str, seed: int | None, settings: dict[str, Any]) -> Asset:
        """A latent (tokens, channels) of this model as an asset that remembers where it came from.

        >>> pipe.asset(asset.latent * 0.9, prompt="a paler chair", seed=None, settings={})
        Asset('a paler chair', seed None, latent (32, 32), model 'homeware')
        """
        origin = Origin(
            model=self.model.config.name,
            model_sha256=self.model.sha256,
            field_sha256=self.model.field_sha256,
            prompt=prompt,
            seed=seed,
            settings=settings,
        )
        return Asset(latent, self.model.autoencoder.field, origin)

    def _require_own(self, origin: Origin, what: str) -> None:
        # a prior may have been trained on since: what decodes the latent is what counts
        decoded_alike = origin.field_sha256 != "" and origin.field_sha256 == self.model.field_sha256
        if origin.model_sha256 != self.model.sha256 and not decoded_alike:
            raise ModelError(
                f"{what} was made by the model '{origin.model}' ({origin.model_sha256[:12]}), "
                f"not by '{self.model.config.name}' ({self.model.sha256[:12]}), and cannot be decoded by it."
            )

    def _beginning(self, init: Asset | str | Path | None, strength: float | None) -> Beginning | None:
        if init is None:
            if strength is not None:
                raise ConfigError("The strength is about what to begin with: give an init too.")
            return None
        asset = init if isinstance(init, Asset) else self.load(init)
        name = repr(asset.prompt) if isinstance(init, Asset) else Path(init).name
        self._require_own(asset.origin, name)
        strength = STRENGTH if strength is None else strength
        if not 0 < strength <= 1:
            raise ConfigError(f"The strength must be above 0 and at most 1, got {strength:g}.")
        return Beginning(latent=asset.latent, name=name.strip("'"), strength=strength)

    def _read(
        self,
        prompt: str | Sequence[str] | None,
        image: Picture | Sequence[Picture] | None,
        mix: Mix | None,
        negative: str | None,
        options: PictureOptions,
    ) -> tuple[Subjects, Subjects | None]:
        """What is wished for, and what is to be avoided."""
        if sum(given is not None for given in (prompt, image, mix)) != 1:
            raise ConfigError(
                "Give either a prompt or an image or a mixture: one of them, not several and not none."
            )
        if image is None and options != PictureOptions():
            raise ConfigError("foreground_ratio and remove_background are about pictures: give an image.")
        try:
            avoided = None if negative is None else self._conditioners.read_prompts([negative])
            if mix is not None:
                prompts, weights = checked_mix(mix)
                return self._conditioners.read_prompts(prompts).mixed(weights), avoided
            if prompt is not None:
                prompts = [prompt] if isinstance(prompt, str) else list(prompt)
                return self._conditioners.read_prompts(prompts), avoided
            assert image is not None
            pictures = [image] if isinstance(image, str | Path | Image.Image) else list(image)
            return self._conditioners.read_pictures(pictures, options), avoided
        finally:
            if not self.keep_encoders:
                self.release_encoders()
