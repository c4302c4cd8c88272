"""What Linux says of the processor."""

from pathlib import Path

from shapewright.nn.processor import cpu_flags


def test_processor_flags_are_read_as_linux_writes_them(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("model name\t: x\nflags\t\t: fpu amx_bf16 avx512_bf16\nbugs\t:\n")
    assert cpu_flags(tmp_path / "cpuinfo") == {"fpu", "amx_bf16", "avx512_bf16"}
    assert cpu_flags(tmp_path / "nothing") == set()
