"""The only reader of the environment: one frozen `Settings`.

`.env.example` equals these fields (tested). Durations are milliseconds in the field and
plain milliseconds or a number with a unit in the environment; fractions are 0 to 1.
"""

import os
import re
import socket
import warnings
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from backend.core.accounts.password_rules import why_not
from backend.core.durations import comma_separated, milliseconds
from backend.core.fallbacks import parse as parse_fallbacks
from backend.core.names import canonical_model
from backend.core.web_origins import web_origins


def _fraction(value: object) -> float:
    number = float(str(value))
    if not 0 <= number <= 1:
        raise ValueError(
            f"{value} is not a fraction: write a number from 0 to 1,"
            f" such as {min(max(number, 0), 100) / 100:g}"
        )
    return number


Milliseconds = Annotated[int, BeforeValidator(milliseconds)]
Fraction = Annotated[float, BeforeValidator(_fraction)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(comma_separated)]
Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(web_origins)]

# An example value that reached production is a secret that everybody knows.
_EXAMPLE_MARKS = ("change-me", "changeme", "example", "replace-me")
_ADMIN_KEY = re.compile(r"corral-[A-Za-z0-9._-]{32,}")
_OWN_PREFIXES = ("WORKER_", "OLLAMA_", "MODEL_", "CIRCUIT_")
# The names of Ollama's own server, which a shared `.env` may carry for its container.
_OLLAMAS_OWN = frozenset(
    {
        "OLLAMA_HOST",
        "OLLAMA_MODELS",
        "OLLAMA_KEEP_ALIVE",
        "OLLAMA_MAX_QUEUE",
        "OLLAMA_MAX_LOADED_MODELS",
        "OLLAMA_ORIGINS",
        "OLLAMA_DEBUG",
        "OLLAMA_FLASH_ATTENTION",
        "OLLAMA_KV_CACHE_TYPE",
        "OLLAMA_LOAD_TIMEOUT",
        "OLLAMA_NOPRUNE",
        "OLLAMA_CONTEXT_LENGTH",
        "OLLAMA_GPU_OVERHEAD",
        "OLLAMA_IMAGE",
    }
)


class Settings(BaseSettings):
    """Everything that an operator can set; each field is the variable of that name."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_file=None)

    # Where things are
    database_url: SecretStr = Field(description="SQLAlchemy URL of the database")
    redis_url: SecretStr = Field(description="URL of Redis, with its password")
    corral_admin_key: SecretStr | None = Field(
        default=None, description="The first administrator's API key (corral-…)"
    )
    corral_admin_user: str = Field(default="admin", pattern=r"^[\w.@+-]{1,64}$")
    corral_admin_password: SecretStr | None = Field(
        default=None, description="The first administrator's first password"
    )
    environment: Literal["production", "development"] = "production"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    enable_debug_mode: bool = False
    performance_sample_rate: Fraction = 0.0

    # API
    api_host: str = "0.0.0.0"  # noqa: S104 — inside a container; compose publishes on loopback
    api_port: int = Field(default=5001, ge=0, le=65535)
    api_workers: int = Field(default=0, ge=0, description="0 = one per core")
    api_worker_class: Literal["gevent", "gthread"] = "gevent"
    api_threads: int = Field(default=256, ge=1)
    api_drain_timeout: Milliseconds = 20_000
    max_body_bytes: int = Field(default=16 * 1024 * 1024, ge=1024)
    max_prompt_chars: int = Field(default=1_000_000, ge=1)
    max_messages: int = Field(default=10_000, ge=1)
    max_images: int = Field(default=64, ge=0)
    max_image_bytes: int = Field(default=10 * 1024 * 1024, ge=1)
    max_tools: int = Field(default=512, ge=0)
    # Beyond 254 levels nothing can be written as JSON.
    max_schema_depth: int = Field(default=64, ge=1, le=200)
    max_stop_sequences: int = Field(default=64, ge=0)
    max_embed_inputs: int = Field(default=2_048, ge=1)
    blocked_patterns_file: str = ""
    cors_allowed_origins: Origins = ()
    max_queued_jobs: int = Field(default=100_000, ge=1)
    max_queued_jobs_per_key: int = Field(
        default=50_000, ge=0, description="0 = no bound but the whole queue's"
    )
    max_wait: Milliseconds = 600_000
    sse_keepalive: Milliseconds = 10_000
    session_lifetime: Milliseconds = 43_200_000
    login_attempts: int = Field(default=10, ge=1)
    login_attempts_total: int = Field(default=1_000, ge=1)
    login_window: Annotated[Milliseconds, Field(ge=1_000)] = 300_000
    idempotency_lifetime: Milliseconds = 86_400_000
    attach_retries: bool = False

    # Worker
    worker_id: str = Field(default_factory=socket.gethostname)
    node_id: str = Field(default="local", pattern=r"^[A-Za-z0-9._-]{1,64}$")
    worker_concurrency: int = Field(default=5, ge=1, le=512)
    worker_batch_size: int = Field(default=32, ge=1, le=512)
    worker_batch_wait: Milliseconds = 5
    worker_timeout: Milliseconds = 300_000
    worker_drain_timeout: Milliseconds = 30_000
    worker_health_port: int = Field(default=3008, ge=0, le=65535)
    worker_linger: Milliseconds = 30
    worker_turn_jobs: int = Field(default=200, ge=1)
    worker_turn_time: Milliseconds = 20_000
    lease_time: Milliseconds = 6_000
    heartbeat_interval: Milliseconds = 2_000
    flush_interval: Milliseconds = 20

    # Ollama
    ollama_base_url: str = "http://ollama:11434"
    ollama_timeout: Milliseconds = 300_000
    ollama_load_timeout: Milliseconds = 300_000
    ollama_first_token_timeout: Milliseconds = 120_000
    ollama_max_retries: int = Field(default=3, ge=0, le=100)
    ollama_num_parallel: int = Field(default=4, ge=1, le=512)

    # Jobs
    queue_timeout: Milliseconds = 3_600_000
    job_deadline: Milliseconds = 86_400_000
    retry_base_delay: Milliseconds = 500
    retry_max_delay: Milliseconds = 30_000
    max_tokens_default: int = Field(default=2_048, ge=1)
    max_tokens_limit: int = Field(default=32_768, ge=1)
    priority_head_start: int = Field(
        default=20_000, ge=0, description="tokens between two priorities"
    )
    payload_retention: Milliseconds = 2_592_000_000
    job_retention: Milliseconds = 7_776_000_000
    stream_lifetime: Milliseconds = 600_000

    # Models
    allowed_models: Names = ()
    model_preload_enabled: bool = True
    model_preload_list: Names = ("qwen3:0.6b", "nomic-embed-text")
    model_memory_threshold: Fraction = 0.8
    model_keep_alive: Milliseconds = 1_800_000
    model_context_length: int = Field(
        default=0, ge=0, description="0 = Ollama's own default"
    )
    fallback_models: str = Field(default="", description="checked, but not used yet")
    enable_circuit_breaker: bool = True
    circuit_breaker_threshold: int = Field(default=5, ge=1)
    circuit_breaker_timeout: Milliseconds = 60_000

    # Scheduled maintenance
    recovery_interval: Milliseconds = 1_000
    preload_interval: Milliseconds = 15_000
    cleanup_interval: Milliseconds = 15_000
    usage_interval: Milliseconds = 300_000
    retention_interval: Milliseconds = 300_000
    limits_interval: Milliseconds = 5_000

    @field_validator("allowed_models", "model_preload_list")
    @classmethod
    def _canonical(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(canonical_model(name) for name in names))

    @field_validator("fallback_models")
    @classmethod
    def _readable(cls, value: str) -> str:
        parse_fallbacks(value)
        return value

    @field_validator("environment", "api_worker_class", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("worker_id")
    @classmethod
    def _host_if_empty(cls, value: str) -> str:
        return value or socket.gethostname()

    @field_validator("database_url", "redis_url")
    @classmethod
    def _not_empty(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value():
            raise ValueError("this is empty; `make up` writes a .env that needs none")
        return value

    @field_validator(
        "database_url", "redis_url", "corral_admin_key", "corral_admin_password"
    )
    @classmethod
    def _no_example(cls, value: SecretStr | None) -> SecretStr | None:
        text = value.get_secret_value().lower() if value else ""
        if any(mark in text for mark in _EXAMPLE_MARKS):
            raise ValueError(
                "this is an example value; `make up` writes a .env with generated ones"
            )
        return value

    @field_validator("corral_admin_key")
    @classmethod
    def _hard_to_guess(cls, value: SecretStr | None) -> SecretStr | None:
        secret = value.get_secret_value() if value else ""
        if not secret:
            return None
        if not _ADMIN_KEY.fullmatch(secret):
            raise ValueError("write corral- and at least 32 random characters")
        return value

    @field_validator("corral_admin_password")
    @classmethod
    def _fit_for_a_password(cls, value: SecretStr | None) -> SecretStr | None:
        secret = value.get_secret_value() if value else ""
        if not secret:
            return None
        if why := why_not(secret, user=""):
            raise ValueError(why)
        return value

    @property
    def on_sqlite(self) -> bool:
        """Tell whether this is the embedded database of the demo."""
        return self.database_url.get_secret_value().startswith("sqlite")


class SettingsError(Exception):
    """The environment does not make sense; the message lists each name and why."""


def load_settings(environ: Mapping[str, str] | None = None, **over: Any) -> Settings:
    """Read the settings once, warn about names that nothing reads.

    Raises:
        SettingsError: If a value is missing or wrong, one line for each.
    """
    _warn_unknown(os.environ if environ is None else environ)
    try:
        return Settings(**over)
    except ValidationError as error:
        lines = [
            f"{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}"
            for e in error.errors(include_input=False, include_url=False)
        ]
        raise SettingsError("\n".join(lines)) from None


def unknown_names(environ: Mapping[str, str]) -> list[str]:
    """List names that look like settings but are none, such as a misspelt one."""
    known = {name.upper() for name in Settings.model_fields} | _OLLAMAS_OWN
    return sorted(
        name
        for name in environ
        if name.startswith(_OWN_PREFIXES)
        and not name.startswith("OLLAMA_SIM_")
        and name not in known
    )


def _warn_unknown(environ: Mapping[str, str]) -> None:
    for name in unknown_names(environ):
        warnings.warn(f"{name} is no setting of Corral; is it misspelt?", stacklevel=3)
