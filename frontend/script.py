"""What Streamlit runs for each visit and each interaction."""

from datetime import UTC, datetime
from pathlib import Path

import streamlit as st

from frontend.components import sidebar
from frontend.components.notices import simulated_banner
from frontend.components.sidebar import Pages
from frontend.components.style import apply_style
from frontend.container import api_client, session_token, ui_settings
from frontend.errors import ApiError, SessionEndedError
from frontend.views import chat, models, trouble
from frontend.visit import Visit

_ICON = Path(__file__).parent / "assets" / "mark.svg"


def run() -> None:
    """Find out who is there and show the page that the address names."""
    st.set_page_config(page_title="Corral", page_icon=str(_ICON), layout="centered")
    apply_style()
    visit = _visit()
    if visit is None:
        return
    chat_page = st.Page(
        lambda: chat.show(visit), title="Chat", url_path="chat", default=True
    )
    models_page = st.Page(lambda: models.show(visit), title="Models", url_path="models")
    page = st.navigation([chat_page, models_page], position="hidden")
    sidebar.show(visit, Pages(shown=page, chat=chat_page, models=models_page))
    simulated_banner(visit)
    page.run()


def _visit() -> Visit | None:
    token = session_token()
    if token is None:
        trouble.show_signed_out()
        return None
    client = api_client(token)
    try:
        account = client.me()
    except SessionEndedError:
        trouble.show_signed_out()
    except ApiError as error:
        trouble.show_api_error(error)
    else:
        return Visit(ui_settings(), client, account, datetime.now(tz=UTC))
    return None


if __name__ == "__main__":
    run()
