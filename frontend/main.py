"""Run the UI: `python -m frontend.main`."""

import uvicorn

from frontend.settings import UiSettings


def main() -> None:
    """Serve until told to stop."""
    settings = UiSettings()
    uvicorn.run(
        "frontend.app:app",
        host=settings.ui_host,
        port=settings.ui_port,
        # Open pages hold a websocket for ever; they reconnect to the next process.
        timeout_graceful_shutdown=3,
        # Addresses carry job ids only, but every token of Streamlit's is a request.
        access_log=False,
        server_header=False,
    )


if __name__ == "__main__":
    main()
