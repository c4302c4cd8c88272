"""The explicit baseline: point clouds drawn in two stages, and meshes of them. Source: Point-E."""

from shapewright.pointe.config import (
    BASE_SAMPLER,
    POINT_SCALING,
    PUBLISHED_SDF,
    PUBLISHED_STAGES,
    UPSAMPLER_SAMPLER,
    StageConfig,
)
from shapewright.pointe.point_prior import PointPrior
from shapewright.pointe.sampling import draw_points, points_to_clouds
from shapewright.pointe.sdf import PointCloudSdf, SdfConfig
from shapewright.pointe.surface import extract_point_mesh

__all__ = [
    "BASE_SAMPLER",
    "POINT_SCALING",
    "PUBLISHED_SDF",
    "PUBLISHED_STAGES",
    "UPSAMPLER_SAMPLER",
    "PointCloudSdf",
    "PointPrior",
    "SdfConfig",
    "StageConfig",
    "draw_points",
    "extract_point_mesh",
    "points_to_clouds",
]
