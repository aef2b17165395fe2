import pytest
from ollama_sim.errors import ApiError
from ollama_sim.go_json import check_fields, dumps, loads, quoted


def test_html_is_escaped_as_go_does() -> None:
    assert dumps({"a": "<b> & c"}) == b'{"a":"\\u003cb\\u003e \\u0026 c"}'
    assert quoted(" <") == b'" \\u003c"'


def test_what_follows_the_first_document_is_ignored() -> None:
    assert loads(b'{"a": 1} and more') == {"a": 1}


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"", "missing request body"),
        (b"  ", "missing request body"),
        (b'{"a": ', "unexpected EOF"),
        (b'{"a": "b', "unexpected EOF"),
        (b"hello", "invalid character 'h' looking for beginning of value"),
        (b"{a}", "invalid character 'a' looking for beginning of object key string"),
    ],
)
def test_broken_json_is_refused_with_the_words_of_go(
    body: bytes, complaint: str
) -> None:
    with pytest.raises(ApiError) as caught:
        loads(body)

    assert (caught.value.status, caught.value.text) == (400, complaint)


def test_a_whole_number_fits_a_float() -> None:
    check_fields({"a": 1, "b": None, "other": []}, {"a": (float, "float64")}, "X")
