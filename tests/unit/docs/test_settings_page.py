"""docs/settings.md is what the settings classes say now."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from api.settings import Settings
from callplane.program import ProgramSettings
from hooks.settings import HooksSettings
from testkit.deploy.manifests import ROOT
from wrapper.settings import WrapperSettings

SCRIPT = ROOT / "docs/make_settings.py"


def test_the_page_is_up_to_date() -> None:
    assert (ROOT / "docs/settings.md").read_text() == runpy.run_path(str(SCRIPT))["page"](), (
        "make it again: python docs/make_settings.py"
    )


@pytest.mark.parametrize("settings", [Settings, WrapperSettings, HooksSettings])
def test_every_setting_says_what_it_is(settings: type[ProgramSettings]) -> None:
    assert [name for name, field in settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize(
    ("program", "wrong", "sentences"),
    [
        (
            "api",
            {"CALLPLANE_PORT": "many", "CALLPLANE_LOG_LEVEL": "shout", "CALLPLANE_API_KEYS": "hush"},
            ["CALLPLANE_LOG_LEVEL", "CALLPLANE_PORT", "CALLPLANE_API_KEYS", "CALLPLANE_TOKEN_SECRETS"],
        ),
        (
            "wrapper",
            {"CALLPLANE_PROBE_PORT": "many", "CALLPLANE_KMS_URLS": "http://hush", "CALLPLANE_LEASE_SECONDS": "0"},
            ["CALLPLANE_KMS_URLS", "CALLPLANE_LEASE_SECONDS", "CALLPLANE_PROBE_PORT"],
        ),
    ],
)
def test_a_program_refuses_to_start_with_a_sentence_for_each_mistake(
    program: str, wrong: dict[str, str], sentences: list[str], tmp_path: Path
) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CALLPLANE_")}
    run = subprocess.run(
        [sys.executable, "-m", program], env=clean | wrong, cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 2
    assert [line.partition(":")[0] for line in run.stderr.splitlines()] == sentences
