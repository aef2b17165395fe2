"""Structured logs: JSON lines in production, readable ones in development.

`request_id` and `job_id` are bound once and stand in each line; prompts, answers and
keys never do.
"""

import logging
import sys
import warnings

import orjson
import structlog

from backend.core.settings import Settings

# Libraries that log each request or task of theirs at INFO.
_CHATTY = (
    "httpx",
    "httpcore",
    "urllib3",
    "kombu",
    "celery.beat",
    "celery.worker.strategy",
    "celery.app.trace",
)


def configure_logging(settings: Settings) -> None:
    """Set up logging for the process; the composition roots call it once."""
    level = "DEBUG" if settings.enable_debug_mode else settings.log_level
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    readable = settings.environment == "development"
    last: list[structlog.types.Processor] = (
        [
            # The prettier ones show what local variables hold: keys and prompts.
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                exception_formatter=structlog.dev.plain_traceback,
            )
        ]
        if readable
        else [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(_dumps),
        ]
    )
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    _configure_stdlib(shared, last, level)


def _configure_stdlib(
    shared: list[structlog.types.Processor],
    last: list[structlog.types.Processor],
    level: str,
) -> None:
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    # A misspelt setting is a warning of Python's: it belongs into the log as well.
    logging.captureWarnings(capture=True)
    warnings.simplefilter("default", UserWarning)


def _dumps(event: structlog.types.EventDict, **_: object) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
