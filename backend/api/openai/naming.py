"""What OpenAI calls the fields of the native request, whatever its kind."""

from backend.api.calls.naming import names

# After what a body has of its own.
COMMON = names((r"request\.options\.", ""), (r"request\.", ""), (r"kind$", "model"))
