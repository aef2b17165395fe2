import pytest

from worker.ollama import errors
from worker.ollama.classify import classify, error_text

CASES = [
    (404, '{"error": "model \'nope\' not found"}', errors.ModelMissingError),
    (
        404,
        '{"error": "model \\"nope\\" not found, try pulling it first"}',
        errors.ModelMissingError,
    ),
    (None, "pull model manifest: file does not exist", errors.ModelMissingError),
    (404, "404 page not found", errors.NotOllamaError),
    (405, "405 method not allowed", errors.NotOllamaError),
    (403, "", errors.NotOllamaError),
    (302, "", errors.NotOllamaError),
    (
        500,
        '{"error": "option \\"temperature\\" must be of type float32"}',
        errors.InvalidUpstreamRequestError,
    ),
    (
        500,
        '{"error": "invalid format: \\"\\\\\\"yaml\\\\\\"\\"; expected \\"json\\""}',
        errors.InvalidUpstreamRequestError,
    ),
    (500, "failed to load grammar", errors.InvalidUpstreamRequestError),
    (500, "invalid JSON schema in format", errors.InvalidUpstreamRequestError),
    (400, '"tiny-chat" does not support thinking', errors.InvalidUpstreamRequestError),
    (400, "anything", errors.InvalidUpstreamRequestError),
    (413, "", errors.InvalidUpstreamRequestError),
    (
        400,
        "the input length exceeds the context length",
        errors.ContextTooLongError,
    ),
    (
        500,
        "the request exceeds the available context size, try increasing it",
        errors.ContextTooLongError,
    ),
    (500, "requested context size too large for model", errors.ContextTooLongError),
    (
        400,
        "request (3000 tokens) exceeds the available context size (2048 tokens)",
        errors.ContextTooLongError,
    ),
    (400, "input exceeds maximum context length", errors.ContextTooLongError),
    (
        500,
        "input (3000 tokens) is too large to process. increase the physical batch size",
        errors.ContextTooLongError,
    ),
    (500, "png: invalid format: too short", errors.InvalidUpstreamRequestError),
    (500, "invalid JPEG format: bad RST", errors.InvalidUpstreamRequestError),
    (500, "webp: invalid format", errors.InvalidUpstreamRequestError),
    (
        500,
        "model requires more system memory (9.2 GiB) than is available (4.1 GiB)",
        errors.NodeOutOfMemoryError,
    ),
    (
        500,
        "llama runner process has terminated: cudaMalloc failed: out of memory",
        errors.NodeOutOfMemoryError,
    ),
    (500, "unable to allocate CUDA0 buffer", errors.NodeOutOfMemoryError),
    (
        500,
        "timed out waiting for llama runner to start - progress 0.00 - ",
        errors.LoadTimeoutError,
    ),
    (
        503,
        "server busy, please try again.  maximum pending requests exceeded",
        errors.ServerBusyError,
    ),
    (503, "", errors.UpstreamUnavailableError),
    (502, "<html>bad gateway</html>", errors.UpstreamUnavailableError),
    (429, "", errors.UpstreamUnavailableError),
    (499, '{"error": "request canceled"}', errors.RequestCanceledError),
    (
        None,
        "an error was encountered while running the model: unexpected EOF",
        errors.RunnerCrashedError,
    ),
    (
        500,
        "model runner has unexpectedly stopped, this may be due to resource limits",
        errors.RunnerCrashedError,
    ),
    (500, "llama runner process no longer running: 2", errors.RunnerCrashedError),
    (
        500,
        'pull model manifest: Get "https://r.example/v2": dial tcp: no such host',
        errors.RegistryUnreachableError,
    ),
    (500, "something new", errors.OllamaError),
    (None, "something new", errors.OllamaError),
]


@pytest.mark.parametrize(("status", "text", "kind"), CASES)
def test_what_ollama_says_becomes_its_error(
    status: int | None, text: str, kind: type[errors.OllamaError]
) -> None:
    error = classify(status, text)

    assert type(error) is kind
    assert error.status == status


def test_an_error_keeps_ollamas_own_words() -> None:
    assert classify(404, '{"error": "model \'x\' not found"}').detail == (
        "model 'x' not found"
    )


def test_an_error_without_words_says_what_its_class_says() -> None:
    assert str(errors.StalledError()) == "The answer stopped coming."


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ('{"error": {"message": "no", "type": "api_error"}}', "no"),
        ('{"error": {"type": "odd"}}', '{"error": {"type": "odd"}}'),
        ('{"detail": "no"}', '{"detail": "no"}'),
        ("[1]", "[1]"),
        (" plain \n", "plain"),
    ],
)
def test_the_text_is_found_however_it_is_wrapped(body: str, text: str) -> None:
    assert error_text(body) == text


def all_errors(kind: type[errors.OllamaError]) -> list[type[errors.OllamaError]]:
    return [kind, *(e for sub in kind.__subclasses__() for e in all_errors(sub))]


@pytest.mark.parametrize("kind", all_errors(errors.CallerMistakeError))
def test_a_callers_mistake_is_never_retried_nor_held_against_the_node(
    kind: type[errors.OllamaError],
) -> None:
    assert not kind.retryable
    assert not kind.counts_for_breaker


JOB_CODES = {
    "invalid_upstream_request",
    "model_not_found",
    "context_length_exceeded",
    "out_of_memory",
    "load_timeout",
    "first_token_timeout",
    "stalled",
    "attempt_timeout",
    "upstream_unavailable",
    "upstream_error",
    "stream_cut",
}


@pytest.mark.parametrize("kind", all_errors(errors.OllamaError))
def test_every_error_has_a_code_of_the_job_api_and_advice(
    kind: type[errors.OllamaError],
) -> None:
    assert kind.code in JOB_CODES
    assert kind.advice.endswith(".")
    assert kind().detail.endswith(".")


def test_every_code_that_ollama_can_cause_has_an_error() -> None:
    assert {kind.code for kind in all_errors(errors.OllamaError)} == JOB_CODES
