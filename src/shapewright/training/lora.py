"""Low-rank adaptation of a prior: its matrices stand still, and small products beside them are trained.

The layers are those of the library peft. Source: Hu et al. (2021), "LoRA", section 4.1.
"""

import importlib.util
import re
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from shapewright.errors import ConfigError
from shapewright.pipeline import Model
from shapewright.pipeline.adapter import Adapter
from shapewright.prior import Prior

__all__ = ["LoraConfig", "LoraPrior", "adapter_of", "check_peft"]

# peft calls each set of changes by a name; there is only ever one here.
LABEL = "adapter"
# Attention and MLP of every block. Embeddings, norms, input and output are few and stay as they are.
TARGETS = r"backbone\.resblocks\.\d+\.(attn\.(c_qkv|c_proj)|mlp\.(c_fc|c_proj))"
CHANGE = re.compile(rf"(?P<layer>.+)\.lora_A\.{LABEL}\.weight")


@dataclass(frozen=True, kw_only=True)
class LoraConfig:
    """A change of `rank` is scaled by alpha / rank: with `alpha` kept, ranks learn about equally fast."""

    rank: int = 16
    alpha: float = 16.0

    def __post_init__(self) -> None:
        if self.rank < 1 or not self.alpha > 0:
            raise ConfigError(
                f"LoRA's rank must be at least 1 and alpha above 0, not {self.rank} and {self.alpha}."
            )


def check_peft() -> None:
    """Raises: ConfigError if the library is not installed."""
    if importlib.util.find_spec("peft") is None:
        raise ConfigError(
            "LoRA needs the library peft, which is not installed: pip install 'shapewright[train]', "
            "or fine-tune the whole prior with --method full."
        )


class LoraPrior(Prior):
    """A copy of `base` in which only the changes learn. Its state is they alone: checkpoints are small.

    The first change of each matrix is zero, so that training starts from the base exactly.
    Raises: ConfigError if peft is missing.
    """

    def __init__(self, base: Prior, config: LoraConfig) -> None:
        check_peft()
        from peft import LoraConfig as PeftConfig
        from peft import inject_adapter_in_model

        super().__init__(base.config)
        super().load_state_dict(base.state_dict())
        settings = PeftConfig(r=config.rank, lora_alpha=config.alpha, target_modules=TARGETS)  # pyright: ignore[reportArgumentType]  # a fraction does
        inject_adapter_in_model(settings, self, adapter_name=LABEL)

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """The changes."""
        whole: dict[str, Tensor] = super().state_dict(*args, **kwargs)
        return {name: part for name, part in whole.items() if ".lora_" in name}

    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> Any:
        """Raises: RuntimeError if the state is not of the same changes."""
        if strict and set(state_dict) != set(self.state_dict()):
            raise RuntimeError("the state holds other changes than the adapter has")
        return super().load_state_dict(state_dict, strict=False, assign=assign)


def adapter_of(prior: LoraPrior, config: LoraConfig, *, name: str, base: Model) -> Adapter:
    """The changes that were learnt, ready to be saved or made to the base."""
    state = {key: part.detach().float().cpu() for key, part in prior.state_dict().items()}
    found = [match["layer"] for key in state if (match := CHANGE.fullmatch(key))]
    assert found, "the prior has changes"
    changes: dict[str, tuple[torch.Tensor, torch.Tensor]] = {
        layer: (state[f"{layer}.lora_A.{LABEL}.weight"], state[f"{layer}.lora_B.{LABEL}.weight"])
        for layer in found
    }
    return Adapter(
        name=name,
        base=base.config.name,
        base_sha256=base.sha256,
        scale=config.alpha / config.rank,
        changes=changes,
    )
