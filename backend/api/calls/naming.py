"""A native field's name in the words of the protocol that asked (pure)."""

import re
from collections.abc import Iterable

from backend.core.errors import AppError, FieldError

# A pattern of native names, and what stands for it; the first that fits is taken.
Names = tuple[tuple[re.Pattern[str], str], ...]


def names(*pairs: tuple[str, str]) -> Names:
    """Compile patterns of native names with what stands for each."""
    return tuple((re.compile(pattern), own) for pattern, own in pairs)


def rename(error: AppError, known: Names) -> None:
    """Name the fields of an error, and its sentence, as the caller knows them."""
    renamed = tuple(_renamed(error.errors, known))
    for before, after in zip(error.errors, renamed, strict=True):
        if error.detail.startswith(f"{before.field}: "):
            error.detail = after.field + error.detail.removeprefix(before.field)
    error.errors = renamed


def _renamed(errors: Iterable[FieldError], known: Names) -> Iterable[FieldError]:
    return (FieldError(_name(e.field, known), e.message) for e in errors)


def _name(field: str, known: Names) -> str:
    for pattern, own in known:
        if pattern.match(field):
            return pattern.sub(own, field, count=1)
    return field
