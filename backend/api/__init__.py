"""The HTTP API: `create_app` puts the blueprints together."""

from functools import cache, partial

from flask import Blueprint, Flask

from backend.api import auth, bodies, cors, errors, hooks, shared_errors
from backend.api.anthropic import errors as anthropic_errors
from backend.api.anthropic import messages as anthropic_messages
from backend.api.auth import ANY_KEY, ANYBODY, Access, checked_in_route, keys_with
from backend.api.blocked_patterns import BlockedPatterns
from backend.api.container import Services, flask_database, wire
from backend.api.ollama import administration as ollama_administration
from backend.api.ollama import errors as ollama_errors
from backend.api.ollama import generation as ollama_generation
from backend.api.ollama import models as ollama_models
from backend.api.ollama import root as ollama_root
from backend.api.openai import chat as openai_chat
from backend.api.openai import completions as openai_completions
from backend.api.openai import embeddings as openai_embeddings
from backend.api.openai import errors as openai_errors
from backend.api.openai import models as openai_models
from backend.api.openai.responses import changes as openai_response_changes
from backend.api.openai.responses import creation as openai_responses
from backend.api.openai.responses import retrieval as openai_stored_responses
from backend.api.openapi.document import document
from backend.api.routes import (
    account,
    cancels,
    documents,
    health,
    jobs,
    keys,
    maintenance,
    metrics,
    models,
    nodes,
    own_keys,
    replays,
    submission,
    usage,
    users,
)
from backend.core.keys import Scope
from backend.core.settings import Settings

# Who may call what.
TABLE: tuple[tuple[Blueprint, Access], ...] = (
    (health.blueprint, ANYBODY),
    (metrics.blueprint, ANYBODY),
    (documents.blueprint, ANYBODY),
    (account.login, ANYBODY),
    (account.blueprint, ANY_KEY),
    (own_keys.blueprint, ANY_KEY),
    (submission.blueprint, checked_in_route(keys_with(Scope.INFERENCE))),
    (openai_chat.blueprint, checked_in_route(keys_with(Scope.INFERENCE))),
    (openai_completions.blueprint, checked_in_route(keys_with(Scope.INFERENCE))),
    (openai_embeddings.blueprint, checked_in_route(keys_with(Scope.INFERENCE))),
    (openai_responses.blueprint, checked_in_route(keys_with(Scope.INFERENCE))),
    (openai_stored_responses.blueprint, keys_with(Scope.INFERENCE, Scope.READ)),
    (openai_response_changes.blueprint, keys_with(Scope.INFERENCE)),
    (openai_models.blueprint, ANY_KEY),
    (anthropic_messages.blueprint, checked_in_route(keys_with(Scope.INFERENCE))),
    (anthropic_messages.counting, keys_with(Scope.INFERENCE)),
    (ollama_root.blueprint, ANYBODY),
    (ollama_generation.blueprint, checked_in_route(keys_with(Scope.INFERENCE))),
    (ollama_models.blueprint, ANY_KEY),
    (ollama_administration.blueprint, keys_with(Scope.ADMIN)),
    (cancels.blueprint, keys_with(Scope.INFERENCE)),
    (jobs.blueprint, keys_with(Scope.INFERENCE, Scope.READ)),
    (usage.blueprint, keys_with(Scope.INFERENCE, Scope.READ)),
    (models.blueprint, ANY_KEY),
    (nodes.blueprint, ANY_KEY),
    (replays.blueprint, keys_with(Scope.ADMIN)),
    (keys.blueprint, keys_with(Scope.ADMIN)),
    (users.blueprint, keys_with(Scope.ADMIN)),
    (maintenance.blueprint, keys_with(Scope.ADMIN)),
)


# How errors are told, by the beginning of the address.
PROTOCOLS: dict[str, errors.Tell] = {
    "/v1/messages": anthropic_errors.answer,
    "/v1/": shared_errors.answer,
    "/api/v1/chat/": openai_errors.answer,
    "/api/v1/": errors.native,
    "/api/": ollama_errors.answer,
}


def create_app(settings: Settings, services: Services | None = None) -> Flask:
    """Make the WSGI application.

    Args:
        settings: Of this process.
        services: Wired already, for tests; else over Flask-SQLAlchemy's engine.

    Raises:
        SettingsError: If the file of blocked patterns makes no sense.
    """
    app = Flask("corral", static_folder=None)
    app.extensions["corral"] = services or wire(
        settings,
        flask_database(app, settings),
        blocked=BlockedPatterns.load(settings.blocked_patterns_file),
    )
    app.url_map.strict_slashes = False
    bodies.register(app, max_body_bytes=settings.max_body_bytes)
    errors.register(app, PROTOCOLS)
    hooks.register(app)
    cors.register(app, settings.cors_allowed_origins)
    auth.guard(app, {blueprint.name: access for blueprint, access in TABLE})
    for blueprint, _ in TABLE:
        app.register_blueprint(blueprint)
    public = frozenset(b.name for b, access in TABLE if access == ANYBODY)
    # Written when somebody first asks for it.
    app.extensions[documents.DOCUMENT] = cache(partial(document, app, public))
    return app
