"""The OpenAPI document, and a page to read it: no script, nothing from elsewhere."""

from flask import Blueprint, Response, current_app, render_template

from backend.api.answers import answer
from backend.core.errors import AppError

blueprint = Blueprint("documents", __name__, template_folder="../templates")
DOCUMENT = "corral-openapi"


@blueprint.get("/api/v1/openapi.json")
def openapi() -> Response:
    """Give the OpenAPI document."""
    return answer(current_app.extensions[DOCUMENT]())


@blueprint.get("/docs")
def docs() -> Response:
    """Show the document to people."""
    document = current_app.extensions[DOCUMENT]()
    page = render_template("docs.html", document=document, errors=_with_codes())
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    headers = {"Content-Security-Policy": policy}
    return Response(page, headers=headers, content_type="text/html; charset=utf-8")


def _with_codes() -> list[type[AppError]]:
    """List the errors by code: each has its line, at which a problem's type points."""
    found, left = {AppError.code: AppError}, [AppError]
    while left:
        children = left.pop().__subclasses__()
        found |= {child.code: child for child in children if child.code not in found}
        left += children
    return sorted(found.values(), key=lambda error: (error.status, error.code))
