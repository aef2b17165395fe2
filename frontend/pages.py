"""The pages of the UI and their addresses."""

from enum import StrEnum


class PagePath(StrEnum):
    """Where each page is."""

    CHAT = "/"
    MODELS = "/models"


# Not one of Streamlit's.
PASSWORD_PATH = "/password"  # noqa: S105 — an address
PATHS = (*PagePath, PASSWORD_PATH)
JOB_PARAMETER = "job"  # /?job=<id> is the chat whose last turn is that job
