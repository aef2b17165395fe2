"""Which images are taken."""

import base64

import pytest
from pydantic import TypeAdapter, ValidationError

from backend.api.schemas.images import Image

IMAGE: TypeAdapter[str] = TypeAdapter(Image)


def text(image: bytes) -> str:
    return base64.b64encode(image).decode()


@pytest.mark.parametrize(
    "image",
    [
        b"\x89PNG\r\n\x1a\n rest",
        b"\xff\xd8\xff\xe0 rest",
        b"RIFF\x00\x00\x00\x00WEBPVP8 ",
    ],
)
def test_png_jpeg_and_webp_are_taken(image: bytes) -> None:
    assert IMAGE.validate_python(text(image)) == text(image)


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (text(b"GIF89a rest"), "not of a PNG, JPEG or WebP image"),
        (text(b"RIFF\x00\x00\x00\x00WAVEfmt "), "not of a PNG"),
        (text(b"<svg></svg>"), "not of a PNG"),
        ("%%%%", "must be a PNG, JPEG or WebP image in base64"),
        ("data:image/png;base64,iVBORw0KGgo=", "in base64"),
        ("iVBORw0KGg", "in base64"),
        ("ünprintable", "in base64"),
    ],
)
def test_anything_else_is_refused(sent: str, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        IMAGE.validate_python(sent)
