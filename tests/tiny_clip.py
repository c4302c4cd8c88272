"""CLIP's towers, small and random: each alone, both in one file, or in parts as diffusers has them."""

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import (
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPTextConfig,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionConfig,
    CLIPVisionModel,
)

__all__ = [
    "GRID_TOKENS",
    "GRID_WIDTH",
    "POOLED_WIDTH",
    "VOCABULARY",
    "save_clip",
    "save_image_parts",
    "save_text_parts",
    "save_text_tower",
    "save_tokenizer",
    "save_vision_tower",
]

LETTERS = "abcdefghijklmnopqrstuvwxyz"
VOCABULARY = [*LETTERS, *(f"{letter}</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]
POOLED_WIDTH, GRID_WIDTH, GRID_TOKENS = 8, 16, 16

TEXT = {
    "vocab_size": len(VOCABULARY),
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 12,
    "projection_dim": POOLED_WIDTH,
    "bos_token_id": len(VOCABULARY) - 2,
    "eos_token_id": len(VOCABULARY) - 1,
    "pad_token_id": len(VOCABULARY) - 1,
}
VISION = {
    "hidden_size": GRID_WIDTH,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 7,
    "projection_dim": POOLED_WIDTH,
}


def clip() -> CLIPModel:
    """The same random weights at every call."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return CLIPModel(CLIPConfig(text_config=TEXT, vision_config=VISION, projection_dim=POOLED_WIDTH))


def save_clip(folder: Path) -> None:
    """Both towers in one file, the tokenizer beside them: as CLIP was published."""
    clip().save_pretrained(folder)
    save_tokenizer(folder)


def save_text_tower(folder: Path, *, dtype: torch.dtype = torch.float32, without: str = "") -> None:
    """The text tower alone; the weight named `without` is left out of the file."""
    tower, whole = CLIPTextModelWithProjection(CLIPTextConfig(**TEXT)), clip()
    tower.text_model.load_state_dict(whole.text_model.state_dict())
    tower.text_projection.load_state_dict(whole.text_projection.state_dict())
    tower.to(dtype).save_pretrained(folder)
    if without:
        weights = load_file(folder / "model.safetensors")
        del weights[without]
        save_file(weights, folder / "model.safetensors", {"format": "pt"})


def save_vision_tower(folder: Path) -> None:
    """The vision tower alone."""
    tower = CLIPVisionModel(CLIPVisionConfig(**VISION))
    tower.load_state_dict(clip().vision_model.state_dict())
    tower.save_pretrained(folder)


def save_tokenizer(folder: Path, **settings: int) -> None:
    """Letters only; words are spelled."""
    vocabulary = {token: i for i, token in enumerate(VOCABULARY)}
    CLIPTokenizer(vocab=vocabulary, merges=[], **settings).save_pretrained(folder)


def save_text_parts(folder: Path) -> None:
    """text_encoder and tokenizer, as in diffusers' folders."""
    save_text_tower(folder / "text_encoder")
    save_tokenizer(folder / "tokenizer", model_max_length=TEXT["max_position_embeddings"])


def save_image_parts(folder: Path) -> None:
    """image_encoder and image_processor, as in diffusers' folders."""
    save_vision_tower(folder / "image_encoder")
    size = VISION["image_size"]
    processor = CLIPImageProcessorPil(size={"shortest_edge": size}, crop_size={"height": size, "width": size})
    processor.save_pretrained(folder / "image_processor")
