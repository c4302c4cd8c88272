"""What the processor computes fast, as far as the system tells."""

from functools import cache
from pathlib import Path

__all__ = ["cpu_flags", "has_amx", "has_bf16"]


def cpu_flags(path: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """The processor's feature flags, as Linux lists them; empty elsewhere."""
    if not path.is_file():
        return frozenset()
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("flags"):
            return frozenset(line.partition(":")[2].split())
    return frozenset()


@cache
def has_amx() -> bool:
    """Whether there are tiles for bf16 products."""
    return "amx_bf16" in cpu_flags()


@cache
def has_bf16() -> bool:
    """Whether bf16 products take fewer instructions than fp32 ones."""
    return bool({"amx_bf16", "avx512_bf16"} & cpu_flags())
