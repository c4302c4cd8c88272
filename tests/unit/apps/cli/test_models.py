"""`models list|info` and `doctor`."""

import importlib
from pathlib import Path

import pytest

from command_line import Shapewright
from shapewright.apps.cli.doctor import cpu_flags


def test_the_list_says_what_can_be_used(shapewright: Shapewright) -> None:
    outcome = shapewright("models", "list", "--json")
    models = {row["name"]: row["status"] for row in outcome.json["models"]}
    assert models["openai/shap-e"] == "not loadable yet"
    assert models["homeware"] in ("shipped", "missing")
    assert shapewright("models", "list").out.count("\n") == len(models)


def test_official_files_are_listed_with_their_hashes(shapewright: Shapewright) -> None:
    facts = shapewright("models", "info", "openai/shap-e", "--json").json
    assert len(facts["files"]) == 3
    assert all(len(file["sha256"]) == 64 and file["path"].startswith("https://") for file in facts["files"])
    assert facts["licence"] == "MIT"
    assert "sha256" in shapewright("models", "info", "openai/shap-e").out


def test_a_model_folder_is_described(shapewright: Shapewright, model_folder: Path) -> None:
    facts = shapewright("models", "info", model_folder, "--json").json
    assert [Path(file["path"]).name for file in facts["files"]] == ["config.json", "model.safetensors"]


@pytest.mark.parametrize(("name", "message"), [("chairs", "known are homeware"), (".", "not a model folder")])
def test_an_unknown_model_is_told_in_one_sentence(
    shapewright: Shapewright, here: Path, name: str, message: str
) -> None:
    outcome = shapewright("models", "info", name)
    assert outcome.code == 2
    assert outcome.is_one_sentence(), outcome
    assert message in outcome.err


def test_the_doctor_says_what_is_missing_and_what_to_do(
    shapewright: Shapewright, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = importlib.import_module

    def without_igl(name: str, *rest: str | None) -> object:
        if name == "igl":
            raise ImportError("libGL.so.1: cannot open shared object file")
        return really(name, *rest)

    monkeypatch.setattr(importlib, "import_module", without_igl)
    outcome = shapewright("doctor", "--json")
    assert outcome.code == 2
    checks = {check["name"]: check for check in outcome.json["checks"]}
    assert checks["Python"]["status"] == "ok"
    assert checks["torch"]["status"] == "ok"
    assert checks["text encoder"]["status"] == "ok"
    assert checks["libigl"]["status"] == "problem"
    assert "libGL" in checks["libigl"]["found"]
    assert checks["libigl"]["remedy"] == "pip install --force-reinstall libigl"
    assert "checks found a problem" in outcome.err


def test_processor_flags_are_read_as_linux_writes_them(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("model name\t: x\nflags\t\t: fpu amx_bf16 avx512_bf16\nbugs\t:\n")
    assert cpu_flags(tmp_path / "cpuinfo") == {"fpu", "amx_bf16", "avx512_bf16"}
    assert cpu_flags(tmp_path / "nothing") == set()
