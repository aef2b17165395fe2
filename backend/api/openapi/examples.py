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
    "password": {
        "summary": "Log in by name and password",
        "value": {"user": "ada", "password": "a few words of hers"},
    },
    "key": {
        "summary": "Log in by key",
        "value": {"key": "corral-your-key-stands-here"},
    },
}
USERS = {
    "user": {
        "summary": "Somebody who may chat",
        "value": {"name": "ada", "role": "user", "password": "a few words of hers"},
    },
    "limited": {
        "summary": "Somebody with limits, however many keys they have",
        "value": {"name": "bob", "rpm": 60, "daily_tokens": 1_000_000},
    },
}
USER_CHANGES = {
    "disable": {"summary": "Keep somebody out", "value": {"disabled": True}},
    "promote": {"summary": "Make an administrator", "value": {"role": "admin"}},
    "limit": {
        "summary": "Limit somebody, and take another limit away",
        "value": {"rpm": 60, "tpm": None, "highest_priority": "normal"},
    },
    "password": {
        "summary": "Give a new password",
        "value": {"password": "other words for a start"},
    },
}
OWN_KEYS = {
    "script": {
        "summary": "A key that may only read",
        "value": {"name": "dashboard", "scopes": ["read"]},
    }
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

COMPLETIONS = {
    "completion": {
        "value": {
            "model": "qwen3:0.6b",
            "prompt": "Once upon a time",
            "max_tokens": 50,
        }
    }
}

EMBEDDINGS = {
    "embeddings": {
        "value": {"model": "nomic-embed-text", "input": ["one text", "another"]}
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
RESPONSES = {
    "response": {
        "value": {
            "model": "qwen3:0.6b",
            "input": "Name three colours.",
            "max_output_tokens": 100,
        }
    },
    "background": {
        "summary": "One to ask for later",
        "value": {
            "model": "qwen3:0.6b",
            "instructions": "Be brief.",
            "input": [{"role": "user", "content": "Write a poem."}],
            "background": True,
        },
    },
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

MESSAGES = {
    "message": {
        "value": {
            "model": "qwen3:0.6b",
            "max_tokens": 100,
            "messages": [{"role": "user", "content": "Name three colours."}],
        }
    }
}
