"""The forms of strings that callers send, and how to say them in words."""

JOB_ID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
EVENT_ID = r"^[0-9]{1,9}-[0-9]{1,20}$"
NODE_ID = r"^[A-Za-z0-9._-]{1,64}$"
USER_NAME = r"^[\w.@+-]+$"
# Neither controls nor what turns the direction of writing: an administrator's terminal
# would do what the name says, or show another one.
KEY_NAME = r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+$"
# What OpenAI and Anthropic take for the name of a tool.
FUNCTION_NAME = r"^[A-Za-z0-9_-]{1,64}$"
TOOL_NAME = r"^[A-Za-z0-9_-]{1,128}$"

WORDS = {
    JOB_ID: "must be the id of a job, as the `next` of a page is",
    EVENT_ID: "must be the id of an event, such as 1-42",
    NODE_ID: "must be 1 to 64 letters, digits, dots, hyphens or underscores",
    FUNCTION_NAME: "must be 1 to 64 letters, digits, hyphens or underscores",
    TOOL_NAME: "must be 1 to 128 letters, digits, hyphens or underscores",
    KEY_NAME: "must have no control characters",
    USER_NAME: "must be of letters, digits and the characters _ . @ + -",
}
