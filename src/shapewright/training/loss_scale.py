"""The factor that keeps small fp16 gradients from vanishing, searched for while training."""

__all__ = ["LossScale"]

START = 2.0**16
LEAST = 1.0
PATIENCE = 2000  # steps without overflow after which twice as much is tried


class LossScale:
    """Halved when gradients overflow, doubled after a long time without; 1 for other precisions.

    torch's GradScaler is not used because fused AdamW would take its verdict for itself and leave the
    optimiser's other rules without it. Source: Micikevicius et al. (2018), "Mixed precision training".
    """

    def __init__(self, *, enabled: bool) -> None:
        self.enabled = enabled
        self.value = START if enabled else 1.0
        self.clean_steps = 0

    def succeed(self) -> None:
        """A step whose gradients were finite."""
        self.clean_steps += 1
        if self.enabled and self.clean_steps == PATIENCE:
            self.value, self.clean_steps = 2 * self.value, 0

    def overflow(self) -> bool:
        """A step whose gradients were not: whether a smaller factor may mend that."""
        if not self.enabled or self.value <= LEAST:
            return False
        self.value, self.clean_steps = self.value / 2, 0
        return True

    def state_dict(self) -> dict[str, float]:
        return {"value": self.value, "clean_steps": self.clean_steps}

    def load_state_dict(self, state: dict[str, float]) -> None:
        self.value, self.clean_steps = float(state["value"]), int(state["clean_steps"])
