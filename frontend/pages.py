"""The pages of the UI and their addresses."""

from enum import StrEnum


class PagePath(StrEnum):
    """Where each page is."""

    CHAT = "/"
    MODELS = "/models"


PATHS = tuple(PagePath)
JOB_PARAMETER = "job"  # /?job=<id> is the chat whose last turn is that job
