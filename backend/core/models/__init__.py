"""All tables; importing this package makes `Base.metadata` complete."""

from backend.core.models.api_key import ApiKey
from backend.core.models.base import Base, UtcDateTime
from backend.core.models.event import Event
from backend.core.models.installed_model import InstalledModel
from backend.core.models.job import Job
from backend.core.models.job_attempt import JobAttempt
from backend.core.models.job_payload import JobPayload
from backend.core.models.maintenance_run import MaintenanceRun
from backend.core.models.model import Model
from backend.core.models.session import Session
from backend.core.models.unkept_payload import UnkeptPayload
from backend.core.models.usage_hour import UsageHour
from backend.core.models.user import ADMIN_USER, SYSTEM_USER, User

__all__ = [
    "ADMIN_USER",
    "SYSTEM_USER",
    "ApiKey",
    "Base",
    "Event",
    "InstalledModel",
    "Job",
    "JobAttempt",
    "JobPayload",
    "MaintenanceRun",
    "Model",
    "Session",
    "UnkeptPayload",
    "UsageHour",
    "User",
    "UtcDateTime",
]
