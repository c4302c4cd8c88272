"""The factor of fp16 losses goes down at once and up slowly."""

from shapewright.training.loss_scale import PATIENCE, LossScale


def test_overflow_halves_and_patience_doubles() -> None:
    scale = LossScale(enabled=True)
    assert scale.value == 2.0**16
    assert scale.overflow()
    assert scale.value == 2.0**15
    for _ in range(PATIENCE - 1):
        scale.succeed()
    assert scale.value == 2.0**15
    scale.succeed()
    assert (scale.value, scale.clean_steps) == (2.0**16, 0)


def test_what_one_does_not_mend_is_not_mended() -> None:
    scale = LossScale(enabled=True)
    assert all(scale.overflow() for _ in range(16))
    assert scale.value == 1
    assert not scale.overflow()


def test_other_precisions_have_none() -> None:
    scale = LossScale(enabled=False)
    for _ in range(PATIENCE):
        scale.succeed()
    assert scale.value == 1
    assert not scale.overflow()


def test_its_state_comes_back() -> None:
    scale, other = LossScale(enabled=True), LossScale(enabled=True)
    scale.overflow()
    scale.succeed()
    other.load_state_dict(scale.state_dict())
    assert (other.value, other.clean_steps) == (2.0**15, 1)
