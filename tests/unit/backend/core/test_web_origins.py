"""Origins as browsers send them."""

import pytest

from backend.core.web_origins import web_origins


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("", ()),
        (" , ", ()),
        ("*", ("*",)),
        ("https://A.example, http://localhost:3000", ("https://a.example",)),
        ("https://a.example,https://A.example", ("https://a.example",)),
        ("http://[::1]:3000", ("http://[::1]:3000",)),
        ("tauri://localhost", ("tauri://localhost",)),
        ("http://a.example:443", ("http://a.example:443",)),
    ],
)
def test_origins_are_read(text: str, origins: tuple[str, ...]) -> None:
    assert web_origins(text)[: len(origins)] == origins
    assert bool(web_origins(text)) == bool(origins)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("*,https://a.example", "write it alone"),
        ("https://a.example/", "is no origin"),
        ("https://a.example/path", "is no origin"),
        ("a.example", "is no origin"),
        ("https://*.example", "is no origin"),
        ("null", "is no origin"),
        ("https://a.example:443", "write https://a.example:"),
        ("http://a.example:80", "write http://a.example:"),
        ("https://a b", "is no origin"),
    ],
)
def test_what_no_browser_sends_is_refused(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        web_origins(text)
