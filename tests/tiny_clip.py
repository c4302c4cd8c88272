"""CLIP's towers, tiny and random, in subfolders of diffusers' names. Imports transformers when needed."""

from pathlib import Path

import torch

TEXT_WIDTH = 8
IMAGE_WIDTH = 16
IMAGE_TOKENS = 16
LETTERS = "abcdefghijklmnopqrstuvwxyz"
VOCABULARY = [*LETTERS, *(f"{letter}</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]
MAX_TOKENS = 12


def save_clip_text(folder: Path) -> None:
    """text_encoder (projecting to TEXT_WIDTH) and tokenizer (lower-case letters)."""
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection, CLIPTokenizer

    config = CLIPTextConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=MAX_TOKENS,
        projection_dim=TEXT_WIDTH,
        bos_token_id=len(VOCABULARY) - 2,
        eos_token_id=len(VOCABULARY) - 1,
        pad_token_id=len(VOCABULARY) - 1,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        CLIPTextModelWithProjection(config).save_pretrained(folder / "text_encoder")
    vocabulary = {token: i for i, token in enumerate(VOCABULARY)}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=MAX_TOKENS)
    tokenizer.save_pretrained(folder / "tokenizer")


def save_clip_image(folder: Path) -> None:
    """image_encoder (IMAGE_TOKENS features of IMAGE_WIDTH) and image_processor."""
    from transformers import CLIPImageProcessorPil, CLIPVisionConfig, CLIPVisionModel

    config = CLIPVisionConfig(
        hidden_size=IMAGE_WIDTH,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=28,
        patch_size=7,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        CLIPVisionModel(config).save_pretrained(folder / "image_encoder")
    processor = CLIPImageProcessorPil(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})
    processor.save_pretrained(folder / "image_processor")
