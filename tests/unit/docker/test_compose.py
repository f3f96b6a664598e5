"""compose.yaml and what it mounts name only what exists."""

import re
import subprocess
from typing import Any

import pytest
import yaml

from api.routes.messages import PollQuery
from api.settings import Settings
from hooks.settings import HooksSettings
from testkit.deploy.dockerfile import read_dockerfile
from testkit.deploy.manifests import ROOT
from wrapper.settings import WrapperSettings, named_servers

FOLDER = ROOT / "docker"
TEXT = (FOLDER / "compose.yaml").read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
STAGES = read_dockerfile(FOLDER / "Dockerfile")
EXACT = re.compile(r":v?\d+\.\d+\.\d+(-[a-z]+)?$|@sha256:[0-9a-f]{64}$")
PROGRAMS = {"api": Settings, "wrapper": WrapperSettings, "hooks": HooksSettings}


def test_our_services_are_built_from_stages_that_exist() -> None:
    targets = {name: one["build"]["target"] for name, one in SERVICES.items() if "build" in one}
    assert targets == {name: name for name in ("api", "wrapper", "hooks", "mediaserver")}
    for one in SERVICES.values():
        if "build" in one:
            assert (FOLDER / one["build"]["context"] / one["build"]["dockerfile"]).is_file()
            assert one["read_only"] is True
            assert one["cap_drop"] == ["ALL"]
            assert one["build"]["target"] in STAGES


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_are_given_only_variables_that_they_read(program: str) -> None:
    known = {f"CALLPLANE_{name.upper()}" for name in PROGRAMS[program].model_fields}
    given = set(SERVICES[program]["environment"])
    assert given
    assert given - known == set()


def test_every_secret_that_is_asked_for_is_made() -> None:
    made = subprocess.run([FOLDER / "new-env"], capture_output=True, text=True, timeout=20, check=True).stdout
    lines = dict(line.split("=", 1) for line in made.splitlines() if not line.startswith("#"))
    assert set(re.findall(r"\$\{([A-Z_]+)", TEXT)) == set(lines)
    again = subprocess.run([FOLDER / "new-env"], capture_output=True, text=True, timeout=20, check=True).stdout
    assert again != made
    settings = Settings.model_validate(
        {"token_secrets": lines["CALLPLANE_TOKEN_SECRETS"], "api_keys": lines["CALLPLANE_API_KEYS"]}
    )
    assert list(settings.api_keys) == ["operator"]


def test_secrets_are_not_committed_by_accident() -> None:
    asked = subprocess.run(
        ["git", "check-ignore", "docker/.env"], cwd=ROOT, capture_output=True, timeout=20, check=False
    )
    assert asked.returncode == 0


def test_every_mounted_file_is_there() -> None:
    mounts = [mount.split(":")[0] for one in SERVICES.values() for mount in one.get("volumes", [])]
    files = [mount for mount in mounts if mount.startswith("./")]
    assert files
    assert [name for name in files if not (FOLDER / name).exists()] == []


def test_services_name_each_other() -> None:
    (server,) = named_servers(SERVICES["wrapper"]["environment"]["CALLPLANE_KMS_URLS"]).values()
    assert server.split("/")[2].split(":")[0] in SERVICES
    for program in PROGRAMS:
        environment = SERVICES[program]["environment"]
        assert "@rabbitmq:5672/" in environment["CALLPLANE_AMQP_URL"]
        assert "@mongodb:27017/" in environment["CALLPLANE_MONGO_URL"]
    assert {"rabbitmq", "mongodb"} <= SERVICES.keys()


def test_prometheus_asks_the_ports_that_programs_listen_on() -> None:
    config = yaml.safe_load((FOLDER / "prometheus/prometheus.yml").read_text())
    asked = {
        lookup["names"][0]: str(lookup["port"])
        for job in config["scrape_configs"]
        for lookup in job.get("dns_sd_configs", [])
    }
    assert asked == {name: STAGES[name].of("EXPOSE")[0].rest for name in PROGRAMS}


def test_the_door_outlasts_the_longest_poll_and_buffers_nothing() -> None:
    conf = (FOLDER / "nginx.conf").read_text()
    longest = next(rule.le for rule in PollQuery.model_fields["wait"].metadata if hasattr(rule, "le"))
    assert int(re.findall(r"proxy_read_timeout (\d+)s;", conf)[0]) > longest
    assert "proxy_buffering off;" in conf
    assert f"http://api:{STAGES['api'].of('EXPOSE')[0].rest};" in conf
    assert "Upgrade $http_upgrade" in conf


def test_images_of_others_have_a_version() -> None:
    images = [one["image"] for one in SERVICES.values() if "image" in one]
    assert images
    assert [image for image in images if not EXACT.search(image)] == []


def test_what_handles_strangers_media_is_on_no_network_with_broker_and_database() -> None:
    for name in ("kurento", "mediaserver", "coturn"):
        assert not set(SERVICES[name]["networks"]) & set(SERVICES["mongodb"]["networks"]), name
        assert not set(SERVICES[name]["networks"]) & set(SERVICES["rabbitmq"]["networks"]), name
    for name in PROGRAMS:
        assert set(SERVICES[name]["networks"]) & set(SERVICES["mongodb"]["networks"]), name
