"""What is wrong, where something is."""

from backend.api.schemas.views.view import View


class FieldProblem(View):
    """One field and what is wrong with it."""

    field: str
    message: str


class Problem(View):
    """An RFC 9457 problem; `code` is stable."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str | None
    errors: list[FieldProblem]
