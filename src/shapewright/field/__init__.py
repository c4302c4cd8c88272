"""The asset as a network: latent in, density, signed distance and colour at points out."""

from shapewright.field.config import FieldConfig, MixerConfig
from shapewright.field.field import Field, FieldWeights
from shapewright.field.implicit_mlp import FieldOutput
from shapewright.field.prepared import AxisTables, PreparedField

__all__ = [
    "AxisTables",
    "Field",
    "FieldConfig",
    "FieldOutput",
    "FieldWeights",
    "MixerConfig",
    "PreparedField",
]
