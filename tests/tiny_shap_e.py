"""A Shap-E of the published structure with made-up weights, in ours and in the diffusers library's classes.

The library is imported by the functions that need it: it takes seconds.
"""

from typing import Any

import torch

from shapewright.field import Field, FieldConfig
from shapewright.interop.diffusers import DiffusersModel
from shapewright.interop.diffusers_config import Kind
from shapewright.interop.official_config import RendererConfig
from shapewright.prior import Prior, PriorConfig, SamplerConfig
from shapewright.render import NerfConfig
from tiny_clip import IMAGE_WIDTH, TEXT_WIDTH

CHANNELS, HIDDEN, WIDTH, HEADS, LAYERS = 6, 8, 24, 3, 2
TOKENS = 4 * HIDDEN
SHAPES = ((HIDDEN, 93), *((HIDDEN, HIDDEN),) * 3)


def tiny_shap_e(kind: Kind = "text", **prior: Any) -> DiffusersModel:
    """Ours, random in every parameter. `prior`: settings of its prior that are to be others."""
    condition = {"text_pooled_width": TEXT_WIDTH} if kind == "text" else {"image_token_width": IMAGE_WIDTH}
    sizes = {"latent_tokens": TOKENS, "latent_channels": CHANNELS, "width": WIDTH, "heads": HEADS}
    model = DiffusersModel(
        kind=kind,
        prior=Prior(PriorConfig(**(sizes | {"layers": LAYERS} | condition | prior))).eval(),
        field=Field(FieldConfig(latent_tokens=TOKENS, latent_channels=CHANNELS, hidden_width=HIDDEN)).eval(),
        renderer=RendererConfig(nerf=NerfConfig(background=(0.2, 0.4, 0.8)), resolution=128),
        sampler=SamplerConfig(guidance=15.0 if kind == "text" else 3.0),
    )
    shake(model.prior, seed=1)
    shake(model.field, seed=2, gain=1.5)
    return model


def library_prior(kind: Kind = "text") -> Any:
    """diffusers' PriorTransformer, random in every parameter."""
    from diffusers import PriorTransformer

    prior = PriorTransformer(
        num_attention_heads=HEADS,
        attention_head_dim=WIDTH // HEADS,
        num_layers=LAYERS,
        embedding_dim=CHANNELS,
        num_embeddings=TOKENS,
        additional_embeddings=0,
        time_embed_act_fn="gelu",
        norm_in_type="layer",
        embedding_proj_norm_type=None if kind == "text" else "layer",
        encoder_hid_proj_type=None,
        added_emb_type=None,
        time_embed_dim=4 * WIDTH,
        embedding_proj_dim=TEXT_WIDTH if kind == "text" else IMAGE_WIDTH,
        clip_embed_dim=2 * CHANNELS,
    )
    shake(prior, seed=3)
    return prior.eval()


def library_renderer() -> Any:
    """diffusers' ShapERenderer, random, with a smooth field: it sees positions and their lowest octave only.

    Otherwise pictures would hang on where along a ray the samples happen to be.
    """
    from diffusers.pipelines.shap_e import ShapERenderer

    renderer = ShapERenderer(
        param_shapes=SHAPES, d_latent=CHANNELS, d_hidden=HIDDEN, background=(51, 102, 204)
    )
    shake(renderer, seed=4, gain=1.5)
    smooth = torch.zeros(93)
    smooth[[0, 1, 2, 3, 4, 5, 48, 49, 50]] = 1.0
    first = renderer.params_proj.projections["nerstf__mlp__0__weight"]
    with torch.no_grad():
        for parameter in (first.norm.weight, first.norm.bias):
            parameter.mul_(smooth)
        first.proj.bias.mul_(smooth.repeat(HIDDEN))
        renderer.mlp.mlp[-1].bias[0:3] += 0.5  # there is something to see
    return renderer.eval()


def library_scheduler() -> Any:
    """diffusers' scheduler as published for Shap-E."""
    from diffusers import HeunDiscreteScheduler

    return HeunDiscreteScheduler(
        beta_schedule="exp",
        num_train_timesteps=1024,
        prediction_type="sample",
        use_karras_sigmas=True,
        clip_sample=True,
        clip_sample_range=1.0,
    )


def shake(module: torch.nn.Module, *, seed: int, gain: float = 1.0) -> None:
    """Normal numbers in every parameter: matrices multiply sizes by `gain`, norms stay near 1."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.ndim >= 2:
                parameter.copy_(gain * noise / parameter.shape[-1] ** 0.5)
            else:
                parameter.copy_(0.2 * noise + (1.0 if is_norm_weight(name) else 0.0))


def is_norm_weight(name: str) -> bool:
    return name.endswith("weight") and ("norm" in name or "ln_" in name or "clip_embed.0" in name)
