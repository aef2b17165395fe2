"""How large a request may be, by the operator's settings (pure).

Numbers of things are checked before anything looks into each of them; their sizes once
it is known that they are what they should be.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

from backend.api.errors import invalid
from backend.api.prompt_texts import Request
from backend.core.nesting import is_deeper
from backend.core.settings import Settings


@dataclass(frozen=True, slots=True)
class InputLimits:
    """The most that one request may bring."""

    prompt_chars: int
    messages: int
    images: int
    image_bytes: int
    tools: int
    schema_depth: int
    stop_sequences: int
    embed_inputs: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Take them from the settings."""
        return cls(
            prompt_chars=settings.max_prompt_chars,
            messages=settings.max_messages,
            images=settings.max_images,
            image_bytes=settings.max_image_bytes,
            tools=settings.max_tools,
            schema_depth=settings.max_schema_depth,
            stop_sequences=settings.max_stop_sequences,
            embed_inputs=settings.max_embed_inputs,
        )

    def check_counts(self, request: Any) -> None:  # not validated yet
        """Refuse too many of something; what is of the wrong kind is not looked at.

        Raises:
            InvalidRequestError: Which field has too many, and how many it may have.
        """
        if not isinstance(request, dict):
            return
        _check_count("messages", request.get("messages"), self.messages)
        _check_count("tools", request.get("tools"), self.tools)
        _check_count("input", request.get("input"), self.embed_inputs)
        if isinstance(options := request.get("options"), dict):
            _check_count("options.stop", options.get("stop"), self.stop_sequences)
        images = sum([len(images) for _, images in _images(request)])
        if images > self.images:
            field = "request.images" if "images" in request else "request.messages"
            raise invalid(field, f"has {images} images; at most {self.images}")

    def check_sizes(self, request: Request, texts: Sequence[str]) -> int:
        """Refuse what is too large; give the length of the texts.

        Raises:
            InvalidRequestError: Which field is too large, and how large it may be.
        """
        characters = sum(map(len, texts))
        if characters > self.prompt_chars:
            text = f"has {characters} characters; at most {self.prompt_chars}"
            raise invalid("request", text)
        for field, images in _images(request):
            for index, image in enumerate(images):
                self._check_image(f"{field}.{index}", image)
        for field, schema in _schemas(request):
            if is_deeper(schema, self.schema_depth):
                text = f"is nested deeper than {self.schema_depth} levels"
                raise invalid(f"request.{field}", text)
        return characters

    def _check_image(self, field: str, image: str) -> None:
        size = len(image) * 3 // 4 - image.count("=", -2)
        if size > self.image_bytes:
            text = f"has {size} bytes; at most {self.image_bytes}"
            raise invalid(f"request.{field}", text)


def _check_count(field: str, value: Any, most: int) -> None:  # not validated yet
    if isinstance(value, list) and len(value) > most:
        raise invalid(f"request.{field}", f"has {len(value)} items; at most {most}")


def _images(request: dict[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    """Find the lists of images, validated or not."""
    for index, message in enumerate(_listed(request.get("messages"))):
        if isinstance(message, dict) and "images" in message:
            yield f"messages.{index}.images", _listed(message["images"])
    if "images" in request:
        yield "images", _listed(request["images"])


def _listed(value: Any) -> list[Any]:  # any JSON
    return value if isinstance(value, list) else []


def _schemas(request: Request) -> Iterator[tuple[str, Any]]:
    # Those of tools come first: the format may be made of them (`tooling`).
    for index, tool in enumerate(request.get("tools") or ()):
        yield f"tools.{index}.function.parameters", tool["function"].get("parameters")
    if isinstance(request.get("format"), dict):
        yield "format", request["format"]
