"""Images as callers send them: in base64, of a kind that Ollama reads.

What is none of these Ollama finds out only when a model is to look at it, and then with
a 500, after the job has waited for its turn.
"""

import base64
import binascii
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

_KINDS = "a PNG, JPEG or WebP image"


def _check_image(value: str) -> str:
    try:
        image = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"must be {_KINDS} in base64") from None
    if not _is_readable(image):
        raise ValueError(f"is base64, but not of {_KINDS}")
    return value


def _is_readable(image: bytes) -> bool:
    """Tell a file by its first bytes, as every reader of images does."""
    is_webp = image[:4] == b"RIFF" and image[8:12] == b"WEBP"
    return is_webp or image.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"))


Image = Annotated[
    str,
    Field(min_length=4),
    AfterValidator(_check_image),
    WithJsonSchema(
        {
            "type": "string",
            "contentEncoding": "base64",
            "minLength": 4,
            "description": "A PNG, JPEG or WebP image, at most MAX_IMAGE_BYTES large.",
        }
    ),
]
