import pytest

from worker.ollama.pool import Origin
from worker.ollama.request import build_request

ORIGIN = Origin.of("http://ollama:11434/behind/")


def test_a_request_is_what_http_says() -> None:
    request = build_request(ORIGIN, "/api/chat", b"{}", {"X-Request-Id": "r1"})

    assert request == (
        b"POST /behind/api/chat HTTP/1.1\r\nHost: ollama:11434\r\n"
        b"Content-Type: application/json\r\nX-Request-Id: r1\r\n"
        b"Content-Length: 2\r\n\r\n{}"
    )


@pytest.mark.parametrize(
    ("name", "value"), [("X-A", "1\r\nX-B: 2"), ("X-A\n", "1"), ("X-A", "ä")]
)
def test_a_header_cannot_smuggle_another_one(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="cannot be sent"):
        build_request(ORIGIN, "/api/chat", b"{}", {name: value})


@pytest.mark.parametrize(
    ("url", "origin", "authority"),
    [
        ("http://ollama", Origin("ollama", 80, is_tls=False, prefix=""), "ollama:80"),
        (
            "https://gpu.example/",
            Origin("gpu.example", 443, is_tls=True, prefix=""),
            "gpu.example:443",
        ),
        (
            "http://[::1]:11434",
            Origin("::1", 11434, is_tls=False, prefix=""),
            "[::1]:11434",
        ),
    ],
)
def test_a_base_url_says_where_the_server_is(
    url: str, origin: Origin, authority: str
) -> None:
    assert Origin.of(url) == origin
    assert origin.authority == authority


@pytest.mark.parametrize("url", ["ollama:11434", "ftp://ollama", "http://"])
def test_a_base_url_without_scheme_or_host_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not an http or https URL"):
        Origin.of(url)
