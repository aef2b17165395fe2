"""What the platform counts: verbs outside, instruments inside.

Base units (`_seconds`, `_bytes`), `_total` for counters, labels from closed sets only,
never a job's id. Under gunicorn the environment variable PROMETHEUS_MULTIPROC_DIR makes
prometheus-client share them between processes.
"""

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)

_requests = Histogram(
    "corral_http_request_duration_seconds",
    "Time from a request's head to the end of its response.",
    ("method", "route", "status"),
    buckets=_SECONDS,
)
_open_streams = Gauge(
    "corral_open_streams",
    "Event streams that callers listen to.",
    multiprocess_mode="livesum",
)
_submitted = Counter("corral_jobs_submitted_total", "Jobs accepted.", ("kind",))
_blocked = Counter(
    "corral_blocked_requests_total",
    "Requests refused since a text of theirs matched a blocked pattern.",
)
_finished = Counter(
    "corral_jobs_finished_total", "Jobs that reached a final state.", ("kind", "state")
)
_duration = Histogram(
    "corral_job_duration_seconds",
    "Time from a claim to the job's end.",
    ("kind",),
    buckets=_SECONDS,
)
_first_token = Histogram(
    "corral_job_first_token_seconds",
    "Time from a claim to the first token.",
    buckets=_SECONDS,
)
_tokens = Counter(
    "corral_tokens_total", "Tokens of ended jobs, as in their usage.", ("direction",)
)
_lost_tokens = Counter(
    "corral_lost_tokens_total",
    "Tokens received by attempts whose jobs were run again.",
)
_running = Gauge(
    "corral_running_jobs",
    "Jobs that this process answers.",
    multiprocess_mode="livesum",
)
_refused_writes = Counter(
    "corral_refused_writes_total",
    "Writes of attempts that no longer held their job.",
)
_refused_frames = Counter(
    "corral_refused_frames_total",
    "Stream frames of attempts that no longer held their job.",
)
_stream_failures = Counter(
    "corral_stream_write_failures_total", "Flushes that Redis did not take."
)
_announce_failures = Counter(
    "corral_announce_failures_total", "Committed jobs that nobody could be told about."
)
_moved = Counter("corral_jobs_moved_total", "Jobs moved by maintenance.", ("outcome",))
_topped_up = Counter("corral_tickets_topped_up_total", "Tickets sent by recovery.")
_retries = Counter("corral_attempts_failed_total", "Attempts that failed.", ("code",))
_limited = Counter(
    "corral_limited_requests_total", "Requests that a key's limit refused.", ("limit",)
)
_reconciled = Counter(
    "corral_reservations_reconciled_total",
    "Reservations of limits that a crash left behind.",
)
_maintenance = Counter(
    "corral_maintenance_runs_total", "Scheduled tasks run.", ("name", "outcome")
)
_logins = Counter("corral_logins_total", "Log-ins by password.", ("outcome",))
_last_tick = Gauge(
    "corral_beat_last_tick_timestamp_seconds",
    "When the scheduler last ticked, Unix time.",
    multiprocess_mode="max",
)


def record_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count one HTTP request."""
    _requests.labels(method, route, str(status)).observe(seconds)


def stream_opened() -> None:
    """Count a listener in."""
    _open_streams.inc()


def stream_closed() -> None:
    """Count a listener out."""
    _open_streams.dec()


def record_submitted(kind: str) -> None:
    """Count an accepted job."""
    _submitted.labels(kind).inc()


def record_blocked() -> None:
    """Count a request that a blocked pattern refused."""
    _blocked.inc()


def record_finished(kind: str, state: str, seconds: float | None = None) -> None:
    """Count a job's end, and its time since the claim where one was made."""
    _finished.labels(kind, state).inc()
    if seconds is not None:
        _duration.labels(kind).observe(seconds)


def record_first_token(seconds: float) -> None:
    """Observe how long a caller's first token took since the claim."""
    _first_token.observe(seconds)


def record_tokens(prompt: int | None, completion: int | None) -> None:
    """Count the tokens of a job that ended."""
    _tokens.labels("prompt").inc(prompt or 0)
    _tokens.labels("completion").inc(completion or 0)


def record_lost_tokens(completion: int | None) -> None:
    """Count the tokens of an attempt whose job runs again."""
    _lost_tokens.inc(completion or 0)


def set_running(count: int) -> None:
    """Say how many jobs this process answers."""
    _running.set(count)


def record_refused_write() -> None:
    """Count a zombie's write."""
    _refused_writes.inc()


def record_refused_frame() -> None:
    """Count a zombie's frame."""
    _refused_frames.inc()


def record_stream_failure() -> None:
    """Count a flush that Redis did not take."""
    _stream_failures.inc()


def record_announce_failure() -> None:
    """Count an announcement that failed after the commit."""
    _announce_failures.inc()


def record_moved(outcome: str) -> None:
    """Count a job that maintenance moved."""
    _moved.labels(outcome).inc()


def record_topped_up(tickets: int) -> None:
    """Count tickets that recovery sent."""
    _topped_up.inc(tickets)


def record_failed_attempt(code: str) -> None:
    """Count an attempt that failed."""
    _retries.labels(code).inc()


def record_limited(limit: str) -> None:
    """Count a request that a key's limit refused."""
    _limited.labels(limit).inc()


def record_reconciled(reservations: int) -> None:
    """Count reservations that nobody had settled."""
    _reconciled.inc(reservations)


def record_maintenance(name: str, outcome: str) -> None:
    """Count a scheduled task's run."""
    _maintenance.labels(name, outcome).inc()


def record_login(outcome: str) -> None:
    """Count a log-in by password: `ok`, or the code of what was wrong."""
    _logins.labels(outcome).inc()


def record_tick(unix_seconds: float) -> None:
    """Say when the scheduler last ticked."""
    _last_tick.set(unix_seconds)
