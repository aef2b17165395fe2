"""What an operator can set about the UI; nothing else here reads the environment."""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}


def _milliseconds(value: object) -> int:
    match = re.fullmatch(r"(\d+)\s*(ms|s|m|h)?", str(value).strip())
    if match is None:
        raise ValueError(f"{value} is no duration: write milliseconds, `300s` or `5m`")
    return int(match[1]) * _UNITS[match[2] or "ms"]


Milliseconds = Annotated[int, BeforeValidator(_milliseconds)]


class UiSettings(BaseSettings):
    """The settings of the UI; each field is the environment variable of that name."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_file=None, env_ignore_empty=True
    )

    corral_api_url: str = Field(
        default="http://app:5001", pattern=r"^https?://", description="Where the API is"
    )
    ui_host: str = "0.0.0.0"  # noqa: S104 — inside a container; compose publishes on loopback
    ui_port: int = Field(default=8501, ge=1, le=65535)
    ui_cookie_secure: bool = Field(
        default=False, description="true when the UI is reached over https only"
    )
    ui_simulated: bool = Field(
        default=False, description="true says on the login page that answers are fake"
    )
    ui_api_timeout: Milliseconds = Field(default=10_000, ge=100)
    ui_api_connect_timeout: Milliseconds = Field(default=3_000, ge=100)
    ui_poll_wait: Milliseconds = Field(
        default=500, ge=0, le=5_000, description="how long one poll waits for tokens"
    )
    ui_login_attempts: int = Field(
        default=10, ge=1, description="attempts of one address in a minute"
    )
