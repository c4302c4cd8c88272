"""Point-E models and CLIPs with made-up weights, small enough for tests."""

from pathlib import Path

import torch
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

from shapewright.conditioning.clip import quiet_transformers
from shapewright.diffusion import DiffusionConfig, ScheduleConfig
from shapewright.pipeline import PointEConfig, PointEModel
from shapewright.pointe import POINT_SCALING, PointCloudSdf, PointPrior, SdfConfig, StageConfig
from shapewright.prior import LowResConfig, PriorConfig, SamplerConfig

LETTERS = "abcdefghijklmnopqrstuvwxyz"
VOCABULARY = [*LETTERS, *(f"{letter}</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]
VECTOR, GRID = 8, 16
BASE_POINTS, ADDED_POINTS = 12, 20
SMALL = {"latent_channels": 6, "width": 32, "layers": 2, "heads": 4, "use_pos_emb": False}


def small_prior(schedule: str, **settings: object) -> PriorConfig:
    diffusion = DiffusionConfig(schedule=ScheduleConfig(name=schedule, timesteps=64), prediction="eps")
    return PriorConfig(**{**SMALL, "diffusion": diffusion, **settings})


def base_stage(**settings: object) -> StageConfig:
    sampler = SamplerConfig(steps=3, guidance=3.0, sigma_max=120.0, churn=3.0)
    return StageConfig(prior=small_prior("cosine", latent_tokens=BASE_POINTS, **settings), sampler=sampler)


def upsampler_stage(image_token_width: int | None = GRID) -> StageConfig:
    prior = small_prior(
        "linear",
        latent_tokens=ADDED_POINTS,
        image_token_width=image_token_width,
        low_res=LowResConfig(points=BASE_POINTS, scaling=POINT_SCALING),
    )
    return StageConfig(prior=prior, sampler=SamplerConfig(steps=2, guidance=1.0))


SDF = SdfConfig(points=32, width=32, encoder_layers=1, encoder_heads=2, decoder_layers=1, decoder_heads=4)


def awake_prior(stage: StageConfig, seed: int = 1) -> PointPrior:
    """Not with the output layer of zeros that it starts from, and with tokens that matter to each other."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = PointPrior(stage).eval().requires_grad_(False)
        for name, parameter in network.named_parameters():
            if parameter.ndim == 2:
                torch.nn.init.normal_(parameter, std=0.05 if name.startswith("output") else 0.3)
    return network


def awake_sdf(*, inside: bool | None = None) -> PointCloudSdf:
    """Its values differ from place to place; `inside`: they are all of one sign."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        sdf = PointCloudSdf(SDF).eval().requires_grad_(False)
        for parameter in sdf.parameters():
            if parameter.ndim == 2:
                torch.nn.init.normal_(parameter, std=0.5)
        sdf.output_proj.bias.fill_(0.0 if inside is None else 100.0 if inside else -100.0)
    return sdf


def random_points_model(kind: str = "text", *, clip: str = "clip", with_parts: bool = True) -> PointEModel:
    """kind: text, vector (of an image), image (its tokens) or nothing."""
    settings: dict[str, dict[str, int]] = {
        "text": {"text_pooled_width": VECTOR},
        "vector": {"text_pooled_width": VECTOR},
        "image": {"image_token_width": GRID},
        "nothing": {},
    }
    config = PointEConfig(
        name="random points",
        base=base_stage(**settings[kind]),
        upsampler=upsampler_stage() if with_parts else None,
        sdf=SDF if with_parts else None,
        text="clip" if kind == "text" else None,
        image="clip" if kind in ("vector", "image") else None,
        clip=clip,
        image_tokens=4,
    )
    return PointEModel(
        config=config,
        base=awake_prior(config.base),
        upsampler=None if config.upsampler is None else awake_prior(config.upsampler, seed=2),
        sdf=None if config.sdf is None else awake_sdf(),
    )


def save_clip(folder: Path) -> None:
    """Both towers of a CLIP and its tokenizer, as they lie on the hub."""
    end = len(VOCABULARY) - 1
    text = {
        "vocab_size": len(VOCABULARY),
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "max_position_embeddings": 12,
        "projection_dim": VECTOR,
        "bos_token_id": end - 1,
        "eos_token_id": end,
        "pad_token_id": end,
    }
    vision = {
        "hidden_size": GRID,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 28,
        "patch_size": 14,
        "projection_dim": VECTOR,
    }
    with torch.random.fork_rng(), quiet_transformers():
        torch.manual_seed(0)
        CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=VECTOR)).save_pretrained(
            folder
        )
    CLIPTokenizer(vocab={token: i for i, token in enumerate(VOCABULARY)}, merges=[]).save_pretrained(folder)
