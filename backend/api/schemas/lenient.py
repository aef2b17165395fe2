"""What the bodies of other vendors' protocols are made of.

As their own servers do, they ignore what is unknown; what is known is not coerced.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict

Object = dict[str, Any]  # JSON objects that we pass on as they are


class Lenient(BaseModel):
    """A part of a request: nothing is coerced, and what is unknown is ignored."""

    model_config = ConfigDict(extra="ignore", strict=True, protected_namespaces=())
