"""docker-compose.secure.yml names settings that there are, and leaves no default for a secret."""

import re
from pathlib import Path

import yaml

from worker.process.settings import PREFIX, Settings

SECURE = Path(__file__).parents[2] / "docker-compose.secure.yml"


def test_the_secure_example_names_settings_and_has_no_default_secret() -> None:
    text = SECURE.read_text(encoding="utf-8")
    services = yaml.safe_load(text)["services"]
    names = {name for one in services.values() for name in one["environment"] if name.startswith(PREFIX)}
    assert {name.removeprefix(PREFIX).lower() for name in names} <= Settings.model_fields.keys()
    for service in "setup", "worker", "ops", "api":
        settings = services[service]["environment"]
        assert settings["G3N_DEVELOPMENT"] == "false"
        assert settings["G3N_KAFKA_SECURITY_PROTOCOL"] == "SASL_SSL"
        assert "sslmode=verify-full" in settings["G3N_POSTGRES_DSN"]
    assert re.findall(r"\$\{(?:G3N_CARD_KEY|POSTGRES_PASSWORD|KAFKA_PASSWORD):-", text) == []
