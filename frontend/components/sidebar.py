"""The side bar: where to go, recent chats, and who is signed in."""

from html import escape

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from frontend.conversation import newest_turns, title_of_job
from frontend.errors import ApiError
from frontend.formatting import literal
from frontend.pages import JOB_PARAMETER
from frontend.replies import Job
from frontend.state import open_job_id
from frontend.visit import Visit

# Each turn is a job: enough of them to find a dozen conversations.
_JOBS_READ = 60
_CHATS_SHOWN = 12
_LOGOUT = (
    '<form method="post" action="/logout">'
    '<button class="corral-link" type="submit">Sign out</button></form>'
)


def show(visit: Visit, *, chat_page: StreamlitPage, models_page: StreamlitPage) -> None:
    """Draw the side bar."""
    with st.sidebar:
        st.html('<div class="corral-brand">Corral</div>')
        st.page_link(
            chat_page,
            label="New chat",
            icon=":material/edit_square:",
            width="stretch",
        )
        st.page_link(
            models_page,
            label="Models",
            icon=":material/deployed_code:",
            width="stretch",
        )
        st.html('<h2 class="corral-section">Recent chats</h2>')
        _recent_chats(visit, chat_page)
        _account(visit)


def _recent_chats(visit: Visit, chat_page: StreamlitPage) -> None:
    try:
        jobs = visit.client.chats(limit=_JOBS_READ)
    except ApiError as error:
        st.caption(f"They cannot be listed now. {error.advice}")
        return
    turns = newest_turns(jobs)[:_CHATS_SHOWN]
    if not turns:
        st.caption("Your chats will be listed here.")
    for job in turns:
        _chat_link(job, chat_page)


def _chat_link(job: Job, chat_page: StreamlitPage) -> None:
    # Streamlit marks every link to the page that is shown, so all chats; the style
    # sheet takes that back and marks the open one by this key.
    place = "open" if job.id == open_job_id() else "other"
    with st.container(key=f"chat-{place}-{job.id}"):
        st.page_link(
            chat_page,
            label=literal(title_of_job(job)),
            icon=None if job.state.is_final else ":material/more_horiz:",
            query_params={JOB_PARAMETER: job.id},
            width="stretch",
        )


def _account(visit: Visit) -> None:
    name, key = escape(visit.account.user.name), escape(visit.account.key.prefix)
    st.divider()
    st.html(
        f'<div class="corral-account">{name}<small>Key {key}…</small></div>{_LOGOUT}'
    )
