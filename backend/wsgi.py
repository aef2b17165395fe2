"""Put the API together: `gunicorn -c backend/gunicorn.conf.py backend.wsgi:app`."""

from backend.api import create_app
from backend.core.logging import configure_logging
from backend.core.settings import load_settings

settings = load_settings()
configure_logging(settings)
app = create_app(settings)
