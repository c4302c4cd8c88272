"""Published checkpoints as our models and back; our numbers beside the published implementation's."""

from shapewright.interop.official import (
    OfficialDecoder,
    OfficialTransmitter,
    load_decoder,
    load_prior,
    load_transmitter,
)
from shapewright.interop.official_files import read_official, write_official
from shapewright.interop.official_names import from_official, to_official
from shapewright.interop.official_points import load_point_prior, load_sdf
from shapewright.interop.parity import run_parity

__all__ = [
    "OfficialDecoder",
    "OfficialTransmitter",
    "from_official",
    "load_decoder",
    "load_point_prior",
    "load_prior",
    "load_sdf",
    "load_transmitter",
    "read_official",
    "run_parity",
    "to_official",
    "write_official",
]
