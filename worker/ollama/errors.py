"""What can go wrong between us and Ollama, and what each failure means.

A class's docstring is its default message, `code` is the job error code that callers
see (JOBS.md 6). `retryable` says whether the same request may succeed later,
`counts_for_breaker` whether the failure says something about the node. Both are False
for a caller's mistake, also for those that Ollama reports as a 500: a worker that
retries them repeats them for ever, and a breaker that counts them takes a healthy node
out.
"""

from typing import ClassVar


class OllamaError(Exception):
    """Ollama could not answer."""

    code: ClassVar[str] = "upstream_error"
    retryable: ClassVar[bool] = True
    counts_for_breaker: ClassVar[bool] = True
    advice: ClassVar[str] = "Try again; if it stays, look at Ollama's log."

    def __init__(self, detail: str = "", *, status: int | None = None) -> None:
        """Keep what Ollama said and the HTTP status that it said it with.

        Args:
            detail: Ollama's own words; the docstring if empty.
            status: None where no HTTP answer, or an error line in a stream, said it.
        """
        self.detail = detail or (type(self).__doc__ or "").split("\n", 1)[0]
        self.status = status
        super().__init__(self.detail)


# What the caller asked for.
class CallerMistakeError(OllamaError):
    """The request can never be answered as it is."""

    code = "invalid_upstream_request"
    retryable, counts_for_breaker = False, False
    advice = "Change the request; the same one will fail again."


class InvalidUpstreamRequestError(CallerMistakeError):
    """Ollama refused the request."""


class ContextTooLongError(CallerMistakeError):
    """The prompt is longer than the model's context."""

    code = "context_length_exceeded"
    advice = "Send a shorter prompt, or use a model with a longer context."


class AnswerTooLargeError(CallerMistakeError):
    """The answer is larger than the database takes."""

    advice = "Ask for fewer texts in one request."


class ModelMissingError(CallerMistakeError):
    """The model is not on this node."""

    code = "model_not_found"
    advice = "Pull the model, or ask for one that is installed."


# What the node cannot do now.
class NodeOutOfMemoryError(OllamaError):
    """The node has not enough memory for the model."""

    code = "out_of_memory"
    advice = "Free memory on the node, or use a smaller model or a shorter context."


class LoadTimeoutError(OllamaError):
    """The model was not loaded in time."""

    code = "load_timeout"
    advice = "Try again; if it stays, give loading more time or use a smaller model."


class FirstTokenTimeoutError(OllamaError):
    """The first token did not come in time."""

    code = "first_token_timeout"
    advice = "Try again, send a shorter prompt, or give the first token more time."


class StalledError(OllamaError):
    """The answer stopped coming."""

    code = "stalled"
    advice = "Try again; if it stays, look at the node's GPU and at Ollama's log."


class AttemptTimeoutError(OllamaError):
    """The answer was still coming when the attempt's time was over."""

    # Tokens were flowing, or one of the other deadlines would have ended it: the node
    # is well, and the same work would take as long again.
    code = "attempt_timeout"
    retryable, counts_for_breaker = False, False
    advice = "Ask for fewer tokens, or raise WORKER_TIMEOUT."


class UpstreamUnavailableError(OllamaError):
    """Ollama cannot be reached."""

    code = "upstream_unavailable"
    advice = "Try again; if it stays, see whether Ollama runs at OLLAMA_BASE_URL."


class ServerBusyError(UpstreamUnavailableError):
    """Too many requests wait for a model to be loaded."""

    advice = "Try again later; Ollama's queue for loading models is full."


class RegistryUnreachableError(UpstreamUnavailableError):
    """Ollama cannot reach the registry that it pulls models from."""

    # The node answers well; only its way to the outside is closed.
    counts_for_breaker = False
    advice = "See whether the node reaches the model registry, then pull again."


class RequestCanceledError(OllamaError):
    """Ollama cancelled the request."""

    # It says so when somebody between us and it hung up, or when it is stopped.
    counts_for_breaker = False


class RunnerCrashedError(OllamaError):
    """The process that runs the model ended."""

    advice = "Try again; if it stays, look at Ollama's log and at the node's memory."


class StreamCutError(OllamaError):
    """The answer ended without its last line."""

    code = "stream_cut"
    advice = "Try again; if it stays, look at Ollama's log."


class MalformedAnswerError(OllamaError):
    """The answer is not what Ollama's protocol says."""

    advice = "See whether OLLAMA_BASE_URL is an Ollama, and which version it is."


class NotOllamaError(OllamaError):
    """Something else than Ollama's API answers at this address."""

    retryable = False
    advice = "Set OLLAMA_BASE_URL to the address of an Ollama."
