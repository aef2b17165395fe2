"""What can go wrong between the UI and the API, one class per thing treated apart.

Each error knows what was wrong (`str(error)`) and what to do next (`advice`).
"""

from collections.abc import Mapping

from frontend.advice import advice_for


class ApiError(Exception):
    """The API could not do what was asked."""

    def __init__(
        self,
        detail: str,
        *,
        code: str = "internal",
        status: int = 500,
        request_id: str | None = None,
        retry_after_seconds: int | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.status = status
        self.request_id = request_id
        self.retry_after_seconds = retry_after_seconds
        self.fields = fields or {}

    @property
    def advice(self) -> str:
        """Say what the person can do next."""
        return advice_for(self.code, retry_after_seconds=self.retry_after_seconds)


class ApiDownError(ApiError):
    """The API does not answer at all."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"The Corral API at {url} does not answer.", code="api_down", status=503
        )


class UnexpectedReplyError(ApiError):
    """The API answered with something this UI does not understand."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"The reply to {what} is not what this UI understands.",
            code="unexpected_reply",
            status=502,
        )


class SessionEndedError(ApiError):
    """The key or session is unknown, expired or disabled."""


class NotAllowedError(ApiError):
    """The key may not do this."""


class NotFoundError(ApiError):
    """There is no such thing, or it belongs to somebody else."""


class PayloadExpiredError(ApiError):
    """The text of this job is not kept any more."""


class BusyError(ApiError):
    """The API works, but cannot take this now: a limit, or a part that is down."""


_BY_STATUS: dict[int, type[ApiError]] = {
    401: SessionEndedError,
    403: NotAllowedError,
    404: NotFoundError,
    410: PayloadExpiredError,
    429: BusyError,
    503: BusyError,
}


def error_of(
    status: int, problem: Mapping[str, object], headers: Mapping[str, str]
) -> ApiError:
    """Turn an RFC 9457 problem into the error that the UI raises for it."""
    retry_after = headers.get("retry-after", "")
    return _BY_STATUS.get(status, ApiError)(
        _sentence(problem) or f"The API answered with status {status}.",
        fields=_fields(problem),
        code=str(problem.get("code") or "internal"),
        status=status,
        request_id=str(problem["request_id"]) if problem.get("request_id") else None,
        retry_after_seconds=int(retry_after) if retry_after.isdigit() else None,
    )


def _sentence(problem: Mapping[str, object]) -> str:
    said = str(problem.get("detail") or problem.get("title") or "")
    lines = [f"{field}: {message}" for field, message in _fields(problem).items()]
    return " ".join([said, *lines]).strip()


def _fields(problem: Mapping[str, object]) -> dict[str, str]:
    """Give what is wrong with each field that the API names."""
    fields = problem.get("errors")
    if not isinstance(fields, list):
        return {}
    return {
        str(field.get("field")): str(field.get("message"))
        for field in fields
        if isinstance(field, dict)
    }
