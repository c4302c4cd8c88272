"""The field's sizes."""

from dataclasses import dataclass

from shapewright.errors import ConfigError
from shapewright.nn.positional_encoding import encoded_width

__all__ = ["FIELD_OUTPUTS", "FieldConfig", "MixerConfig"]

# signed distance, coarse density, fine density, STF colour, coarse NeRF colour, fine NeRF colour
FIELD_OUTPUTS = 12


@dataclass(frozen=True, kw_only=True)
class MixerConfig:
    """A small transformer over the latent tokens before they become weight rows (not in the paper).

    It lets a short latent (few tokens, several rows each) carry an asset; see docs/decisions.
    """

    width: int
    layers: int
    heads: int
    channels: int

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ConfigError(f"mixer width {self.width} is not a multiple of its {self.heads} heads")


@dataclass(frozen=True, kw_only=True)
class FieldConfig:
    """Defaults are the published sizes. `latent_tokens` must divide the number of generated rows.

    `signed_distance_truncation` is the distance at which a target is squashed, tanh(distance /
    truncation), where the field was trained on such targets; None for the published models.
    `row_scale` is the spread of a generated row at the start, asset's part and mean row each.
    `density_scale` multiplies the two density outputs before their relu, so that a network whose outputs
    are about 1 can be dense; 1 for the published models.
    `surface_offset` is how far outside of solids their surfaces were taught to lie, in world units; meshes
    are moved back by it (see docs/decisions/0010-surfaces-moved-back.md). 0 for the published models.
    """

    latent_tokens: int = 1024
    latent_channels: int = 1024
    hidden_width: int = 256
    hidden_layers: int = 6
    generated_layers: int = 4
    position_octaves: int = 15
    direction_octaves: int | None = 8
    direction_layer: int = 4
    initial_density_bias: float = 0.1
    density_scale: float = 1.0
    initial_signed_distance_bias: float = -0.1
    row_scale: float = 0.0625
    signed_distance_truncation: float | None = None
    surface_offset: float = 0.0
    mixer: MixerConfig | None = None

    def __post_init__(self) -> None:
        if not 0 < self.generated_layers <= self.hidden_layers:
            raise ConfigError(
                f"generated_layers must be in 1..{self.hidden_layers}, got {self.generated_layers}"
            )
        if self.latent_tokens < 1 or self.rows % self.latent_tokens:
            raise ConfigError(
                f"{self.latent_tokens} latent tokens do not divide the {self.rows} generated weight rows"
            )
        if self.hidden_width % (self.rows // self.latent_tokens):
            raise ConfigError(f"with {self.latent_tokens} latent tokens one would supply rows of two layers")
        if self.direction_octaves is not None and self.direction_layer < self.generated_layers:
            raise ConfigError("directions must enter at a layer whose weights are shared")
        if not 0 <= self.surface_offset < 0.1:
            raise ConfigError(f"surface_offset must be in [0, 0.1), got {self.surface_offset}")
        if self.surface_offset and self.signed_distance_truncation is None:
            raise ConfigError("a surface_offset needs a signed_distance_truncation: distances in world units")

    @property
    def rows(self) -> int:
        """How many rows of weight matrices one latent supplies."""
        return self.generated_layers * self.hidden_width

    @property
    def taught_at_points(self) -> bool:
        """Whether its distances have a known unit, as those of fields that are taught at points have."""
        return self.signed_distance_truncation is not None

    @property
    def input_widths(self) -> list[int]:
        """Input width of every layer, the output layer included."""
        widths = [encoded_width(3, self.position_octaves)] + [self.hidden_width] * self.hidden_layers
        if self.direction_octaves is not None:
            widths[self.direction_layer] += encoded_width(3, self.direction_octaves)
        return widths

    @property
    def generated_shapes(self) -> list[tuple[int, int]]:
        """(rows, channels) of every generated weight matrix."""
        return [(self.hidden_width, width) for width in self.input_widths[: self.generated_layers]]
