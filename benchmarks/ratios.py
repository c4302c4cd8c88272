"""How many times faster the fast paths are than their plain twins, in small: recorded in ratios.json.

    OMP_NUM_THREADS=1 python benchmarks/ratios.py [--record]

The tests measure the same and fail where a ratio has fallen to less than half of what is recorded. Both are
run by turns in one process, so that the ratio holds on a busy machine too.
"""

import argparse
import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import torch

from shapewright.evaluation.speed import Job, measure
from shapewright.evaluation.speed_jobs import decode_job, prior_job, render_job
from shapewright.nn.processor import has_amx, has_bf16
from shapewright.pipeline import Pipeline
from shapewright.prior import Prior, PriorConfig, SamplerConfig
from shapewright.prior.precision import lower, pack

RECORD = Path(__file__).with_name("ratios.json")
RUNS = 3


def prior_in_bf16() -> Job:
    """A guided evaluation of two large blocks, in bf16 and packed, against fp32."""
    torch.manual_seed(0)
    config = PriorConfig(latent_tokens=512, width=1024, layers=2, heads=16, text_pooled_width=768)
    plain = Prior(config).eval().requires_grad_(False)
    return prior_job(pack(lower(deepcopy(plain), torch.bfloat16)), plain, SamplerConfig())


def mesh_of_the_shipped_model() -> Job:
    """From a latent, on a grid of 96^3, against asking at every node."""
    return decode_job(shipped(), resolution=96, compare=True)


def nerf_view_of_the_shipped_model() -> Job:
    """48 pixels a side, against the published numbers of samples in fp32."""
    return render_job(shipped(), mode="nerf", size_px=48, resolution=96, compare=True)


def shipped() -> Pipeline:
    return Pipeline.from_pretrained("homeware", device="cpu", with_encoder=False)


# What bf16 brings depends on the processor: each kind has a record of its own, or none.
BF16 = f"prior in bf16, {'AMX' if has_amx() else 'AVX-512'}"
JOBS: dict[str, Callable[[], Job]] = {
    **({BF16: prior_in_bf16} if has_bf16() else {}),
    "mesh of the shipped model": mesh_of_the_shipped_model,
    "NeRF view of the shipped model": nerf_view_of_the_shipped_model,
}


def recorded() -> dict[str, float]:
    """By the names of the jobs; machines of other kinds may have other jobs."""
    return json.loads(RECORD.read_text(encoding="utf-8"))


def ratio(job: Job, runs: int = RUNS) -> float:
    """Of medians of CPU-bound runs by turns."""
    found = measure(job, runs).ratio
    assert found is not None, "all of these have plain twins"
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--record", action="store_true", help="write what is measured to ratios.json")
    given = parser.parse_args()
    found = {name: round(ratio(job()), 1) for name, job in JOBS.items()}
    before = recorded() if RECORD.is_file() else {}
    for name, now in found.items():
        print(f"{name}: {now} (recorded: {before.get(name, '-')})")
    if given.record:
        RECORD.write_text(json.dumps(before | found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
