"""Requests to paste, in the document and on the page."""

SUBMISSIONS = {
    "chat": {
        "summary": "A chat",
        "value": {
            "kind": "chat",
            "model": "qwen3:0.6b",
            "request": {
                "messages": [{"role": "user", "content": "Why is the sky blue?"}],
                "options": {"num_predict": 200, "temperature": 0.2},
            },
        },
    },
    "generate": {
        "summary": "A completion, soon or never",
        "value": {
            "kind": "generate",
            "model": "qwen3:0.6b",
            "priority": "high",
            "deadline_seconds": 60,
            "request": {"prompt": "Once upon a time", "options": {"stop": ["\n\n"]}},
        },
    },
    "embed": {
        "summary": "Embeddings",
        "value": {
            "kind": "embed",
            "model": "nomic-embed-text",
            "request": {"input": ["first text", "second text"]},
        },
    },
    "load": {
        "summary": "Bring a model into memory, where it is served",
        "value": {"kind": "load", "model": "qwen3:0.6b"},
    },
    "pull": {
        "summary": "Bring a model to a node (administrators)",
        "value": {"kind": "pull", "model": "qwen3:0.6b"},
    },
}
SESSIONS = {
    "login": {"summary": "Log in", "value": {"key": "corral-your-key-stands-here"}}
}
KEYS = {
    "reader": {
        "summary": "A key that may submit and read, until the end of 2030",
        "value": {
            "user": "ada",
            "name": "notebook",
            "scopes": ["inference", "read"],
            "expires_at": "2030-12-31T23:59:59Z",
            "rpm": 60,
            "daily_tokens": 1_000_000,
        },
    }
}

OLLAMA_CHATS = {
    "chat": {
        "value": {
            "model": "qwen3:0.6b",
            "messages": [{"role": "user", "content": "Name three colours."}],
            "options": {"num_predict": 100},
        }
    },
    "load": {
        "summary": "Bring a model into memory",
        "value": {"model": "qwen3:0.6b"},
    },
}
OLLAMA_PROMPTS = {
    "generate": {
        "value": {
            "model": "qwen3:0.6b",
            "prompt": "Once upon a time",
            "stream": False,
            "options": {"num_predict": 100},
        }
    }
}
CHAT_COMPLETIONS = {
    "chat": {
        "value": {
            "model": "qwen3:0.6b",
            "messages": [{"role": "user", "content": "Name three colours."}],
            "max_completion_tokens": 100,
        }
    }
}

KEY_CHANGES = {
    "limits": {
        "summary": "Other limits, and no end",
        "value": {"rpm": 600, "daily_tokens": None, "expires_at": None},
    }
}
ROTATIONS = {
    "week": {
        "summary": "The old secret stays good for a week",
        "value": {"overlap_seconds": 604_800},
    }
}
