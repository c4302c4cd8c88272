"""Our networks and diffusers' own, filled from each other's folders.

Tolerances: fp32 networks agree to 1e-4 of the largest value (sums in another order); measured 4e-7.
"""

import copy
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from parity.golden_case import GOLDEN
from shapewright.diffusion import heun, karras_sigmas
from shapewright.diffusion.guidance import guide
from shapewright.diffusion.preconditioning import Denoiser
from shapewright.evaluation.metrics import psnr_db
from shapewright.field import Field, FieldConfig
from shapewright.geometry.cube_triangles import cube_tables
from shapewright.geometry.light import srgb_to_linear
from shapewright.interop.diffusers import DiffusersModel, read_folder, write_folder
from shapewright.interop.diffusers_config import Kind, prior_values
from shapewright.interop.diffusers_names import prior_state, renderer_state
from shapewright.interop.official import load_decoder
from shapewright.interop.parity import read_case, read_inputs
from shapewright.prior import Condition, Prior, PriorConfig, sample_from
from shapewright.render import extract_mesh, render_nerf
from tiny_clip import GRID_TOKENS, save_image_parts, save_text_parts
from tiny_shap_e import (
    CHANNELS,
    TOKENS,
    library_prior,
    library_renderer,
    library_scheduler,
    tiny_shap_e,
)

TOLERANCE = 1e-4
KINDS: tuple[Kind, ...] = ("text", "image")

# HeunDiscreteScheduler makes a numpy array of a tensor, which numpy 2 deprecates for tensors of torch 2.13.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


def largest_difference(found: Tensor, expected: Tensor) -> float:
    """Relative to the largest expected value."""
    assert found.shape == expected.shape
    return float((found - expected).abs().max() / expected.abs().max())


def pipeline_class(kind: Kind) -> Any:
    import diffusers

    return diffusers.ShapEPipeline if kind == "text" else diffusers.ShapEImg2ImgPipeline


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all of CLIP's parts."""
    folder = tmp_path_factory.mktemp("clip")
    save_text_parts(folder)
    save_image_parts(folder)
    return folder


@pytest.fixture(scope="module", params=KINDS)
def library(request: pytest.FixtureRequest, clip: Path) -> Any:
    """A whole pipeline of the library."""
    from transformers import (
        CLIPImageProcessorPil,
        CLIPTextModelWithProjection,
        CLIPTokenizer,
        CLIPVisionModel,
    )

    kind: Kind = request.param
    if kind == "text":
        parts = {
            "text_encoder": CLIPTextModelWithProjection.from_pretrained(clip / "text_encoder"),
            "tokenizer": CLIPTokenizer.from_pretrained(clip / "tokenizer"),
        }
    else:
        parts = {
            "image_encoder": CLIPVisionModel.from_pretrained(clip / "image_encoder"),
            "image_processor": CLIPImageProcessorPil.from_pretrained(clip / "image_processor"),
        }
    with pytest.warns(DeprecationWarning, match="__array__"):
        scheduler = library_scheduler()
    pipeline = pipeline_class(kind)(
        prior=library_prior(kind), shap_e_renderer=library_renderer(), scheduler=scheduler, **parts
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.fixture(scope="module")
def ours(library: Any, tmp_path_factory: pytest.TempPathFactory) -> DiffusersModel:
    """The same as read from the folder that the library writes."""
    folder = tmp_path_factory.mktemp("library") / "model"
    library.save_pretrained(folder)
    return read_folder(folder)


def kind_of(library: Any) -> Kind:
    return "text" if hasattr(library, "text_encoder") else "image"


def conditions(library: Any, rows: int) -> tuple[Tensor, Condition]:
    """(what the library's prior is given, what ours is given) for the same made-up features."""
    width = library.prior.config.embedding_proj_dim
    generator = torch.Generator().manual_seed(0)
    if kind_of(library) == "text":
        pooled = torch.nn.functional.normalize(torch.randn(rows, width, generator=generator), dim=-1)
        return width**0.5 * pooled, Condition(text_pooled=pooled)
    tokens = torch.randn(rows, GRID_TOKENS, width, generator=generator)
    return tokens, Condition(image_tokens=tokens)


@pytest.mark.parametrize("t", [0, 17, 500, 1023])
@torch.no_grad()
def test_one_evaluation_of_both_branches(library: Any, ours: DiffusersModel, t: int) -> None:
    x = torch.randn(2, TOKENS, CHANNELS, generator=torch.Generator().manual_seed(t))
    theirs, condition = conditions(library, 2)
    times = torch.full((2,), t)
    for embedding, seen in ((theirs, condition), (torch.zeros_like(theirs), condition.unconditional())):
        expected = library.prior(x, torch.tensor(t), embedding).predicted_image_embedding
        found = ours.prior(x, times, seen)
        assert largest_difference(torch.cat(found.unbind(1), dim=-1), expected) < TOLERANCE


@pytest.fixture(scope="module")
def latent() -> Tensor:
    return torch.tanh(torch.randn(1, TOKENS, CHANNELS, generator=torch.Generator().manual_seed(5)))


@torch.no_grad()
def test_generated_weights(library: Any, ours: DiffusersModel, latent: Tensor) -> None:
    expected = library.shap_e_renderer.params_proj(latent)
    for index, weight in enumerate(ours.field.weights(latent)):
        assert largest_difference(weight, expected[f"nerstf.mlp.{index}.weight"]) < TOLERANCE


@torch.no_grad()
def test_field_queries(library: Any, ours: DiffusersModel, latent: Tensor) -> None:
    network = library.shap_e_renderer.mlp
    # the library's decoding writes a latent's weights into the network, so it is done here
    network.load_state_dict(
        {
            name.removeprefix("nerstf."): weight[0]
            for name, weight in library.shap_e_renderer.params_proj(latent).items()
        },
        strict=False,
    )
    generator = torch.Generator().manual_seed(6)
    positions = torch.rand(1, 50, 3, generator=generator) * 2 - 1
    directions = torch.nn.functional.normalize(torch.randn(1, 50, 3, generator=generator), dim=-1)
    for direction in (None, directions):
        found = ours.field.query(ours.field.weights(latent), positions, direction)
        for level, density, color in (
            ("coarse", found.density_coarse, found.color_coarse),
            ("fine", found.density_fine, found.color_fine),
        ):
            seen = network(position=positions, direction=direction, ts=None, nerf_level=level)
            assert largest_difference(density[..., None], seen.density) < TOLERANCE
            assert largest_difference(color, seen.channels) < TOLERANCE
            assert largest_difference(found.signed_distance[..., None], seen.signed_distance) < TOLERANCE
        seen = network(position=positions, direction=direction, ts=None, rendering_mode="stf")
        assert largest_difference(found.stf_color, seen.channels) < TOLERANCE


@torch.no_grad()
def test_nerf_pictures(library: Any, ours: DiffusersModel, latent: Tensor) -> None:
    from diffusers.pipelines.shap_e.camera import create_pan_cameras

    size, rays = 8, create_pan_cameras(8).camera_rays
    with torch.random.fork_rng():  # it seeds torch's own generator
        expected = library.shap_e_renderer.decode_to_image(
            latent, "cpu", size=size, ray_batch_size=rays.shape[1]
        )
    origins, directions = rays[:, :, 0], torch.nn.functional.normalize(rays[:, :, 1], dim=-1)
    found = render_nerf(ours.field, ours.field.weights(latent), origins, directions, ours.renderer.nerf)
    assert float(found.transmittance.std()) > 0.1  # something is there, and something is not
    # samples stand elsewhere along the rays, at random there, in the middle of strata here: 75 dB measured
    assert psnr_db(found.color.view(expected.shape).numpy(), expected.numpy()) > 60


def test_the_background_is_read_in_zero_to_one(ours: DiffusersModel) -> None:
    assert ours.renderer.nerf.background == pytest.approx((0.2, 0.4, 0.8))


@pytest.fixture(scope="module")
def exported(ours: DiffusersModel, clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ours") / "model"
    write_folder(ours, folder, clip=clip, fp16=True)
    return folder


def prompt_of(kind: Kind) -> Any:
    from PIL import Image

    return "bed" if kind == "text" else Image.effect_noise((40, 50), 80).convert("RGB")


@torch.no_grad()
def test_the_library_loads_what_we_write(library: Any, exported: Path) -> None:
    kind = kind_of(library)
    again = pipeline_class(kind).from_pretrained(exported)
    again.set_progress_bar_config(disable=True)
    for part in ("prior", "shap_e_renderer"):
        state = getattr(again, part).state_dict()
        for name, expected in getattr(library, part).state_dict().items():
            # left out on reading: what every latent replaces, what nothing uses, triangles of marching cubes
            if not name.startswith(("clip_", "mesh_decoder.")) and name not in REPLACED:
                assert torch.equal(state[name], expected), name
    prompt = prompt_of(kind)
    settings = {"num_inference_steps": 2, "output_type": "latent", "guidance_scale": 3.0}
    own = again(prompt, **settings, generator=torch.Generator().manual_seed(0)).images
    assert own.shape == (1, TOKENS, CHANNELS)
    assert bool(own.isfinite().all())
    again.scheduler = library.scheduler  # whose noise levels have another range
    found = again(prompt, **settings, generator=torch.Generator().manual_seed(0)).images
    expected = library(prompt, **settings, generator=torch.Generator().manual_seed(0)).images
    assert torch.equal(found, expected)
    assert not torch.equal(found, own)


REPLACED = [f"mlp.mlp.{index}.weight" for index in range(4)]


def test_the_library_loads_half_precision(library: Any, exported: Path) -> None:
    again = pipeline_class(kind_of(library)).from_pretrained(exported, variant="fp16", dtype=torch.float16)
    expected = library.prior.state_dict()
    for name, found in again.prior.state_dict().items():
        assert found.dtype == torch.float16
        if not name.startswith("clip_"):
            assert torch.equal(found, expected[name].half())
    assert again.shap_e_renderer.mesh_decoder.cases.dtype == torch.int64


@pytest.mark.parametrize("settings", [{"safe_serialization": False}, {"variant": "fp16"}, {}])
@pytest.mark.parametrize("shard", ["1GB", "20KB"])
def test_every_form_of_weights_the_library_writes(
    tmp_path: Path, clip: Path, settings: dict[str, Any], shard: str
) -> None:
    model = tiny_shap_e()
    write_folder(model, tmp_path / "model", clip=clip)
    (tmp_path / "model/prior/diffusion_pytorch_model.safetensors").unlink()
    theirs = library_prior()
    theirs.save_pretrained(tmp_path / "model/prior", max_shard_size=shard, **settings)
    found = read_folder(tmp_path / "model").prior
    assert torch.equal(found.input_proj.weight, theirs.proj_in.weight)


@pytest.mark.parametrize(("kind", "heads", "condition"), [("text", 16, 768), ("image", 8, 1024)])
def test_parameters_of_the_published_sizes(kind: Kind, heads: int, condition: int) -> None:
    """300 million of them, so without their values."""
    from diffusers import PriorTransformer
    from diffusers.pipelines.shap_e import ShapERenderer

    widths = {"text_pooled_width": condition} if kind == "text" else {"image_token_width": condition}
    config = PriorConfig(heads=heads, **widths)
    settings = prior_values(config, kind)
    settings.pop("_class_name")
    with torch.device("meta"):
        ours, theirs = prior_state(Prior(config)), PriorTransformer(**settings).state_dict()
    assert shapes(ours) == shapes(theirs)
    with torch.device("meta"):  # whose defaults are the published renderer's
        ours = renderer_state(Field(FieldConfig()), background=(1.0, 1.0, 1.0))
        theirs = ShapERenderer().state_dict()
    assert shapes(ours) == shapes(theirs)


def shapes(state: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def published_times(prior: Prior, sigmas: Tensor) -> Tensor:
    """The integer time of every noise level but the last, in the order of a Heun sampler's evaluations."""
    times = torch.tensor([float(prior.diffusion.timestep_of(sigma)) for sigma in sigmas.tolist()[:-1]])
    return torch.cat([times[:1], times[1:].repeat_interleave(2)])


def library_sample(prior: Any, scheduler: Any, start: Tensor, embedding: Tensor, guidance: float) -> Tensor:
    """The loop of the library's pipelines at the scheduler's times."""
    x = start * scheduler.init_noise_sigma
    both = torch.cat([torch.zeros_like(embedding), embedding])
    for t in scheduler.timesteps:
        fed = scheduler.scale_model_input(torch.cat([x, x]), t)
        out = prior(fed, t, both).predicted_image_embedding[..., :CHANNELS]
        unconditional, conditional = out.chunk(2)
        x = scheduler.step(unconditional + guidance * (conditional - unconditional), t, x).prev_sample
    return x


def clipped_after_guidance(prior: Prior, condition: Condition, guidance: float) -> Denoiser:
    """How the library bounds x_0: the mixture of both branches, not each of them."""

    def denoise(x: Tensor, sigma: float) -> Tensor:
        x_t = x / (sigma**2 + 1) ** 0.5
        t = torch.full((len(x),), prior.diffusion.timestep_of(sigma))
        branches = [prior(x_t, t, seen)[:, 0] for seen in (condition, condition.unconditional())]
        return guide(*branches, guidance).clamp(-1, 1)

    return denoise


@pytest.mark.parametrize("guidance", [1.0, 3.0])
@torch.no_grad()
def test_a_sample_at_the_published_times(
    library: Any, ours: DiffusersModel, exported: Path, guidance: float
) -> None:
    """The library's steps are ours once its times are the published integers; fp64, for guidance is rough."""
    from diffusers import HeunDiscreteScheduler

    scheduler = HeunDiscreteScheduler.from_pretrained(exported, subfolder="scheduler")
    scheduler.set_timesteps(6)
    sigmas = karras_sigmas(6, sigma_min=ours.sampler.sigma_min, sigma_max=ours.sampler.sigma_max)
    repeated = torch.cat([sigmas[:1], sigmas[1:-1].repeat_interleave(2), sigmas[-1:]]).float()
    # the published levels, because our file says so; computed in fp64 on both sides, kept in fp32 there
    torch.testing.assert_close(scheduler.sigmas, repeated, rtol=1e-6, atol=0)

    theirs, prior = (copy.deepcopy(prior).double() for prior in (library.prior, ours.prior))
    embedding, condition = conditions(library, 1)
    start = torch.randn(1, TOKENS, CHANNELS, generator=torch.Generator().manual_seed(7)).double()
    scheduler.timesteps = published_times(prior, sigmas)
    expected = library_sample(theirs, scheduler, start, embedding.double(), guidance)
    denoiser = clipped_after_guidance(prior, condition, guidance)
    # measured 6e-6: the library keeps noise levels in fp32
    found = heun(denoiser, start * ours.sampler.sigma_max, sigmas)
    assert largest_difference(found, expected) < TOLERANCE
    settings = dataclasses.replace(ours.sampler, steps=6, guidance=guidance)
    published = sample_from(prior, condition, start, config=settings)
    if guidance == 1.0:
        assert largest_difference(published, expected) < TOLERANCE
    else:  # with guidance it matters that the published sampler bounds the branches, not their mixture
        assert largest_difference(published, expected) > 0.1


@pytest.fixture(scope="module")
def golden_renderer(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The library's renderer with the golden decoder, from a folder that we write."""
    from diffusers.pipelines.shap_e import ShapERenderer

    case = read_case(GOLDEN / "decoder_small.json")
    decoder = load_decoder(case.config, case.state)
    sizes = decoder.field.config
    model = DiffusersModel(
        kind="text",
        prior=tiny_shap_e(latent_tokens=sizes.latent_tokens, latent_channels=sizes.latent_channels).prior,
        field=decoder.field,
        renderer=decoder.renderer,
        sampler=tiny_shap_e().sampler,
    )
    folder = tmp_path_factory.mktemp("golden") / "model"
    write_folder(model, folder, clip=clip)
    return ShapERenderer.from_pretrained(folder, subfolder="shap_e_renderer")


def test_the_library_makes_the_published_mesh_of_what_we_write(golden_renderer: Any) -> None:
    """Its mesh decoder works with the triangles that we worked out."""
    golden = read_inputs(GOLDEN / "decoder_small.npz").arrays
    mesh = golden_renderer.decode_to_mesh(torch.from_numpy(golden["latent"])[None], "cpu", grid_size=32)
    vertices, faces = mesh.verts.numpy(), mesh.faces.numpy()
    assert vertices.shape == golden["mesh/verts"].shape
    # measured 3e-6: vertices stand on the same edges of the grid
    distance, nearest = cKDTree(vertices).query(golden["mesh/verts"])
    assert distance.max() < 1e-4
    assert len(faces) == len(golden["mesh/faces"])
    # pieces of four corners and more are cut along other diagonals, and this field is mostly noise: 2.5 %
    expected = volume(golden["mesh/verts"], golden["mesh/faces"])
    assert volume(vertices, faces) == pytest.approx(expected, rel=0.05)
    colors = torch.stack([mesh.vertex_channels[name] for name in "RGB"], dim=-1).numpy()[nearest]
    # the encoding makes colours change within 2^-14, so a few vertices differ by what rounding moved them
    assert np.quantile(np.abs(colors - golden["mesh/rgb"]), 0.99) < 0.05


def volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Inside a closed surface; positive if its triangles are counter-clockwise from outside."""
    a, b, c = (vertices[faces[:, i]].astype(np.float64) for i in range(3))
    return float((a * np.cross(b, c)).sum() / 6)


def test_our_mesh_of_a_field_is_the_librarys(library: Any, ours: DiffusersModel, latent: Tensor) -> None:
    expected = library_mesh(library, latent)
    found = extract_mesh(
        ours.field, ours.field.weights(latent), resolution=24, refine=False, as_published=True
    )
    distance, nearest = cKDTree(expected.verts.numpy()).query(found.vertices)
    # the smooth field's distances agree to 1e-6, and both put a vertex on each edge that it crosses
    assert np.quantile(distance, 0.99) < 1e-4
    colors = torch.stack([expected.vertex_channels[name] for name in "RGB"], dim=-1).numpy()[nearest]
    assert found.vertex_colors is not None
    assert np.quantile(np.abs(srgb_to_linear(found.vertex_colors) - colors), 0.99) < 1e-3


def library_mesh(library: Any, latent: Tensor) -> Any:
    """The library's mesh; the tables that a new renderer lacks are ours."""
    decoder = library.shap_e_renderer.mesh_decoder
    decoder.cases, decoder.masks = map(torch.from_numpy, cube_tables())
    return library.shap_e_renderer.decode_to_mesh(latent, "cpu", grid_size=24)


def test_a_scale_of_densities_goes_into_the_last_layer(clip: Path, tmp_path: Path) -> None:
    model = tiny_shap_e()
    dense = Field(dataclasses.replace(model.field.config, density_scale=50.0))
    dense.load_state_dict(model.field.state_dict())
    write_folder(dataclasses.replace(model, field=dense), tmp_path / "model", clip=clip)
    again = read_folder(tmp_path / "model").field
    latent, positions = torch.rand(1, TOKENS, CHANNELS), torch.rand(1, 20, 3)
    with torch.no_grad():
        expected = dense.query(dense.weights(latent), positions).raw
        found = again.query(again.weights(latent), positions).raw
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
