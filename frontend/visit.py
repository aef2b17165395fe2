"""What a page gets to work with: who is there, and the API as they see it."""

from dataclasses import dataclass
from datetime import datetime

from frontend.api_client import ApiClient
from frontend.replies import Account
from frontend.settings import UiSettings


@dataclass(frozen=True, slots=True)
class Visit:
    """One run of the script for one signed-in person.

    Args:
        now: When the run began.
    """

    settings: UiSettings
    client: ApiClient
    account: Account
    now: datetime
