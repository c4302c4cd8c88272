"""Progress and durations."""

import pytest

from shapewright.apps.cli import terminal
from shapewright.apps.cli.terminal import Terminal, duration, memory


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "1 s"), (8.4, "8 s"), (89, "89 s"), (180, "3 min"), (5400, "1 h 30 min"), (7800, "2 h 10 min")],
)
def test_durations_read_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("count", "text"), [(3.4e8, "324 MiB"), (2**30, "1.0 GiB"), (2.9e9, "2.7 GiB")])
def test_memory_reads_as_people_say_it(count: float, text: str) -> None:
    assert memory(count) == text


def test_a_log_gets_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter([0.0, 10.0, 20.0, 30.0, 36.0, 40.0])
    monkeypatch.setattr(terminal.time, "monotonic", lambda: next(now))
    with Terminal().progress("Drawing") as advance:
        for done in range(1, 5):
            advance(done, 10, "loss 0.5" if done == 4 else "")
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["Drawing: 2 of 10, about 80 s left", "Drawing: 4 of 10, about 52 s left, loss 0.5"]


def test_the_time_left_is_that_of_the_work_under_way(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: after 100 s of encoding, the first steps of training seemed to take 100 s each."""
    now = iter([0.0, 1.0, 101.0, 102.0, 122.0])
    monkeypatch.setattr(terminal.time, "monotonic", lambda: next(now))
    with Terminal().progress("Training") as advance:
        advance(1, 200, "encoding")
        advance(200, 200, "encoding")
        advance(1, 11)
        advance(3, 11)
    assert capsys.readouterr().err.splitlines() == [
        "Training: 200 of 200, about 1 s left, encoding",
        "Training: 3 of 11, about 80 s left",
    ]


def test_json_mode_is_silent_until_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    quiet = Terminal(as_json=True)
    quiet.say("hello")
    with quiet.progress("Drawing") as advance:
        advance(1, 1)
    quiet.result({"a": 1}, "text")
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out == '{\n  "a": 1\n}\n'


def test_muted_it_tells_errors_only(capsys: pytest.CaptureFixture[str]) -> None:
    muted = Terminal(muted=True)
    muted.say("hello")
    with muted.progress("Drawing") as advance:
        advance(1, 1)
    muted.result({"a": 1}, "text")
    muted.error("too bad")
    captured = capsys.readouterr()
    assert captured.err == "shapewright: too bad.\n"
    assert captured.out == ""


def test_a_bar_is_drawn_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with Terminal().progress("Drawing") as advance:
        advance(1, 2, "well")
        advance(2, 2, "done")
    assert "2/2" in capsys.readouterr().err
