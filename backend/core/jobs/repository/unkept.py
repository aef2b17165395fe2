"""Payloads that nobody wants kept go with an end that has no result.

What has one is kept until it was sent, or as long as with retention 0 (`retention`).
"""

from backend.core.dialect import Dialect


def dropped_unkept(dialect: Dialect) -> str:
    """Write the statement that drops a job's payload, if it is to go and may."""
    return (
        "UPDATE job_payloads SET request=NULL,original=NULL,result=NULL,"
        f"expired_at={dialect.now} WHERE job_id=(SELECT u.job_id FROM unkept_payloads u"
        " JOIN jobs j ON j.id=u.job_id WHERE u.job_id=%s"
        " AND j.state IN ('failed','cancelled','expired'))"
    )
