import numpy as np

from shapewright.geometry.light import LIGHT_DIRECTION, diffuse_light, linear_to_srgb, shade, srgb_to_linear


def test_light_direction_is_a_unit_vector_from_above():
    np.testing.assert_allclose(np.linalg.norm(LIGHT_DIRECTION), 1, atol=1e-6)
    assert LIGHT_DIRECTION[2] < 0


def test_light_is_brightest_face_on_ambient_edge_on_and_two_sided():
    across = np.cross(LIGHT_DIRECTION, [1.0, 0.0, 0.0])
    across /= np.linalg.norm(across)
    normals = np.stack([LIGHT_DIRECTION, -LIGHT_DIRECTION, across])
    np.testing.assert_allclose(diffuse_light(normals), [1.0, 1.0, 0.3], atol=1e-6)


def test_srgb_round_trip_and_known_values():
    ramp = np.linspace(0, 1, 256)
    np.testing.assert_allclose(linear_to_srgb(srgb_to_linear(ramp)), ramp, atol=1e-6)
    np.testing.assert_allclose(srgb_to_linear(np.array([0.5])), [0.2140411], atol=1e-6)


def test_values_outside_the_range_are_clipped():
    np.testing.assert_allclose(linear_to_srgb(np.array([-1.0, 2.0])), [0.0, 1.0], atol=1e-12)


def test_shade_multiplies_in_linear_light():
    color = np.array([[0.5, 0.25, 1.0]])
    np.testing.assert_allclose(shade(color, LIGHT_DIRECTION[None]), color, atol=1e-5)
    side = np.cross(LIGHT_DIRECTION, [1.0, 0.0, 0.0])[None]
    expected = linear_to_srgb(srgb_to_linear(color) * 0.3)
    np.testing.assert_allclose(shade(color, side / np.linalg.norm(side)), expected, atol=1e-5)
