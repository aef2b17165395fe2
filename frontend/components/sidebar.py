"""The side bar: where to go, recent chats, and who is signed in."""

from dataclasses import dataclass
from html import escape

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from frontend import state
from frontend.conversation import newest_turns, title_of_job
from frontend.errors import ApiError
from frontend.formatting import literal
from frontend.pages import JOB_PARAMETER, PASSWORD_PATH
from frontend.replies import Job
from frontend.visit import Visit

# Each turn is a job, and programs have jobs, too: as many as the API gives at once.
_JOBS_READ = 100
_CHATS_SHOWN = 12
_ROLES = {"admin": "Administrator", "user": "User", "viewer": "Viewer"}
_PASSWORD = (
    f'<p class="corral-links"><a class="corral-link" href="{PASSWORD_PATH}"'
    ' target="_self">Change password</a></p>'
)
_LOGOUT = (
    '<form method="post" action="/logout">'
    '<button class="corral-link" type="submit">Sign out</button></form>'
)


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages as Streamlit knows them, and which of them is shown."""

    shown: StreamlitPage
    chat: StreamlitPage
    models: StreamlitPage


def show(visit: Visit, pages: Pages) -> None:
    """Draw the side bar."""
    with st.sidebar:
        st.html('<div class="corral-brand">Corral</div>')
        if _entry("New chat", key="new-chat", icon=":material/edit_square:"):
            _open_chat(pages, None)
        if _entry("Models", key="models", icon=":material/deployed_code:"):
            st.switch_page(pages.models)
        st.html('<h2 class="corral-section">Recent chats</h2>')
        _recent_chats(visit, pages)
        _account(visit)


def _entry(label: str, *, key: str, icon: str | None = None) -> bool:
    return st.button(label, key=key, icon=icon, type="tertiary", width="stretch")


def _open_chat(pages: Pages, job_id: str | None) -> None:
    # Going to the page that is shown changes what it shows, but not the address: for
    # Streamlit a page is not another one for its parameters. A reload would get lost.
    if pages.shown is pages.chat:
        state.show_job(job_id)
        st.rerun()
    st.switch_page(pages.chat, query_params={JOB_PARAMETER: job_id} if job_id else None)


def _recent_chats(visit: Visit, pages: Pages) -> None:
    try:
        jobs = visit.client.chats(limit=_JOBS_READ)
    except ApiError as error:
        st.caption(f"They cannot be listed now. {error.advice}")
        return
    turns = newest_turns(jobs, str(visit.account.user.id))[:_CHATS_SHOWN]
    if not turns:
        st.caption("Your chats will be listed here.")
    for job in turns:
        _chat(job, pages)


def _chat(job: Job, pages: Pages) -> None:
    # The style sheet marks the open one by its key.
    place = "open" if job.id == state.open_job_id() else "other"
    icon = None if job.state.is_final else ":material/more_horiz:"
    label = literal(title_of_job(job))
    if _entry(label, key=f"chat-{place}-{job.id}", icon=icon):
        _open_chat(pages, job.id)


def _account(visit: Visit) -> None:
    account = visit.account
    by_password = account.key.is_login
    role = _ROLES.get(account.user.role, account.user.role)
    how = role if by_password else f"Key {account.key.prefix}…"
    st.divider()
    st.html(
        f'<div class="corral-account">{escape(account.user.name)}'
        f"<small>{escape(how)}</small></div>"
        f"{_PASSWORD if by_password else ''}{_LOGOUT}"
    )
