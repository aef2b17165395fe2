"""What a person can do about each error code of the API and of its jobs."""

_ADVICE = {
    # What the API refuses
    "api_down": "Check that the API is running and that CORRAL_API_URL is right.",
    "unexpected_reply": "Check that UI and API are of the same version.",
    "missing_key": "Sign in.",
    "wrong_password": "Check both, letter by letter: capitals count.",
    "too_many_logins": "Wait a few minutes, then try again.",
    "no_password": "An administrator can set one.",
    "session_ended": "Sign in again.",
    "disabled_user": "Ask an administrator to enable your account.",
    "invalid_key": "Check that you pasted all of it; a key starts with “corral-”.",
    "expired_key": "Ask an administrator for a new key.",
    "disabled_key": "Ask an administrator to enable it, or for a new one.",
    "scope_missing": "Ask an administrator for a key with the scope for this.",
    "model_not_allowed": "Pick another model, or ask for a key that may use this one.",
    "job_not_found": "It may be another key's, or be deleted by now. Start a new chat.",
    "payload_expired": "Texts are kept only for a while. Start a new chat.",
    "rate_limited": "You have sent a lot in a short time. Wait a moment, then retry.",
    "insufficient_quota": "Your key's tokens of today are used up. Come back tomorrow.",
    "tokens_above_limit": "Shorten the message, start a new chat, or allow less text.",
    "queue_full": "Too many requests wait already. Try again in a minute.",
    "queue_unavailable": "The queue (Redis) is down. Try again in a minute.",
    "database_unavailable": "The database is down. Try again in a minute.",
    "draining": "The API restarts. Try again in a few seconds.",
    "body_too_large": "Shorten the message, or start a new chat.",
    "content_blocked": "This server does not take such content. Change the message.",
    "unsupported_by_model": "Pick another model, or turn that option off.",
    "invalid_request": "Change what it names, then send again.",
    # What ends a job
    "invalid_upstream_request": "The model server refused the request; change it.",
    "model_not_found": "No server has this model. Pick another, or have it pulled.",
    "context_length_exceeded": "The conversation is too long. Start a new chat.",
    "out_of_memory": "The model does not fit in memory now. Pick a smaller one.",
    "load_timeout": "The model took too long to load. Try again, or pick another.",
    "first_token_timeout": "The model did not begin to answer. Try again.",
    "stalled": "The model stopped in the middle of its answer. Try again.",
    "attempt_timeout": "The answer took too long. Ask for a shorter one.",
    "queue_timeout": "Nobody was free in time. Try again, or pick another model.",
    "deadline_exceeded": "The answer was not ready by its deadline. Try again.",
    "upstream_unavailable": "The model server is not reachable. Try again soon.",
    "upstream_error": "The model server failed. Try again, or pick another model.",
    "stream_cut": "The answer broke off. Try again.",
    "worker_lost": "The machine that answered went away. Try again.",
    "attempt_restarted": "The answer had to start over. Try again.",
}


# Nobody counts the seconds of a longer one.
_LONGEST_WAIT_SECONDS = 600
_UNKNOWN = "Try again; if it stays like this, tell an administrator."


def advice_for(
    code: str, *, retry_after_seconds: int | None = None, otherwise: str | None = None
) -> str:
    """Say what to do about an error code.

    Args:
        code: The API's, or a job's.
        retry_after_seconds: How long the API said to wait, which is more exact.
        otherwise: What the API advises, for codes that are newer than this UI; ours
            speak to people at a chat, the API's to whoever calls or runs it.
    """
    if retry_after_seconds and retry_after_seconds <= _LONGEST_WAIT_SECONDS:
        unit = "second" if retry_after_seconds == 1 else "seconds"
        return f"Try again in {retry_after_seconds} {unit}."
    return _ADVICE.get(code) or otherwise or _UNKNOWN
