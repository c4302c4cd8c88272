"""The plan of a build: which asset is where, in which group, on which side of the split; made once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from shapewright.dataset.assets import Asset
from shapewright.dataset.recipes import DataRecipe
from shapewright.dataset.record import load_asset
from shapewright.dataset.shards import write_atomically
from shapewright.dataset.split import geometry_signature, group_assets, name_stem, side_of_group
from shapewright.engine import Engine
from shapewright.errors import AssetFileError, DatasetError

__all__ = ["Plan", "ShardJob", "make_plan", "read_plan"]

_CHUNK = 8


@dataclass(frozen=True, kw_only=True)
class ShardJob:
    """The part of a plan that one worker needs for one shard."""

    number: int
    recipe: DataRecipe
    assets: tuple[Asset, ...]
    groups: dict[str, str]
    sides: dict[str, str]
    broken: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything decided before the first record is made."""

    recipe: DataRecipe
    assets: tuple[Asset, ...]  # sorted by id; consecutive runs make shards
    groups: dict[str, str]
    sides: dict[str, str]  # "train" or "val", by id
    broken: dict[str, str]  # reason, by id

    @property
    def shard_count(self) -> int:
        """How many shards the assets fill."""
        return -(-len(self.assets) // self.recipe.assets_per_shard)

    def job(self, number: int) -> ShardJob:
        """What is needed to make one shard."""
        start = number * self.recipe.assets_per_shard
        assets = self.assets[start : start + self.recipe.assets_per_shard]
        ids = [asset.id for asset in assets]
        return ShardJob(
            number=number,
            recipe=self.recipe,
            assets=assets,
            groups={key: self.groups[key] for key in ids},
            sides={key: self.sides[key] for key in ids},
            broken={key: self.broken[key] for key in ids if key in self.broken},
        )


def make_plan(
    out: Path,
    assets: list[Asset],
    recipe: DataRecipe,
    engine: Engine,
    done: Callable[[int], None],
) -> Plan:
    """Open every mesh once for its signature, group, split, and write plan.json."""
    ordered = sorted(assets, key=lambda asset: asset.id)
    signatures: dict[str, str] = {}
    broken: dict[str, str] = {}
    chunks = [ordered[start : start + _CHUNK] for start in range(0, len(ordered), _CHUNK)]
    for number, answers in engine.finished(_signatures, chunks):
        for asset, (signature, reason) in zip(chunks[number], answers, strict=True):
            if reason is not None:
                broken[asset.id] = reason
            signatures[asset.id] = signature
            done(len(signatures))
    contents = {
        "inputs": _fingerprint(ordered, recipe),
        "recipe": recipe.to_dict(),
        "signatures": {asset.id: signatures[asset.id] for asset in ordered},
        "broken": {asset.id: broken[asset.id] for asset in ordered if asset.id in broken},
    }
    write_atomically(out / "plan.json", json.dumps(contents).encode())
    return _plan(ordered, recipe, signatures, broken)


def read_plan(out: Path, assets: list[Asset], recipe: DataRecipe) -> Plan | None:
    """The plan already in `out`, or None.

    Raises: DatasetError if it was made of other assets or with another recipe.
    """
    path = out / "plan.json"
    if not path.is_file():
        return None
    ordered = sorted(assets, key=lambda asset: asset.id)
    contents = json.loads(path.read_bytes())
    if contents["inputs"] != _fingerprint(ordered, recipe):
        raise DatasetError(
            f"{out} holds a data set of other assets or another recipe ({contents['recipe']['name']}); "
            "choose another folder, or delete it to start afresh."
        )
    return _plan(ordered, recipe, contents["signatures"], contents["broken"])


def _plan(
    assets: list[Asset], recipe: DataRecipe, signatures: dict[str, str], broken: dict[str, str]
) -> Plan:
    keys = {
        asset.id: (f"shape {signatures[asset.id]}", f"name {name_stem(asset.path.stem)}") for asset in assets
    }
    groups = group_assets(keys)
    sides = {key: side_of_group(group, recipe.validation_share) for key, group in groups.items()}
    return Plan(recipe=recipe, assets=tuple(assets), groups=groups, sides=sides, broken=broken)


def _signatures(assets: list[Asset]) -> list[tuple[str, str | None]]:
    return [_signature(asset) for asset in assets]


def _signature(asset: Asset) -> tuple[str, str | None]:
    """The geometry signature; for a broken asset its id, and the reason."""
    try:
        return geometry_signature(load_asset(asset, max_texture_px=1)), None
    except AssetFileError as error:
        return asset.id, str(error)
    except Exception as error:  # one strange asset must not end a build of thousands
        return asset.id, f"unexpected {type(error).__name__}: {error}"


def _fingerprint(assets: list[Asset], recipe: DataRecipe) -> str:
    """A hash of what decides the contents of the data set."""
    facts = [recipe.to_dict(), [(asset.id, asset.path.name, asset.rotation) for asset in assets]]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
