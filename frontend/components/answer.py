"""Draw messages, and an answer that is coming, stopped, failed or done."""

import streamlit as st

from frontend.conversation import Message
from frontend.follow import Answer
from frontend.formatting import safe_markdown, waiting_line

_AVATARS = {"user": ":material/person:", "assistant": ":material/fence:"}


def message_box(role: str) -> "st.delta_generator.DeltaGenerator":
    """Open the box of one message."""
    known = "user" if role == "user" else "assistant"
    return st.chat_message(known, avatar=_AVATARS[known])


def draw_message(message: Message) -> None:
    """Draw something that was said."""
    role = str(message.get("role", "user"))
    if role == "tool":
        return
    with message_box(role):
        st.markdown(safe_markdown(str(message.get("content", ""))))
        pictures = len(message.get("images") or ())
        if pictures:
            st.caption(f"with {pictures} picture{'s' if pictures > 1 else ''}")


def draw_text(answer: Answer, *, is_coming: bool) -> None:
    """Draw the thinking and the text, as far as they have come."""
    draw_thinking(answer.thinking, is_open=is_coming and not answer.text)
    if answer.text:
        st.markdown(safe_markdown(answer.text) + (" ▍" if is_coming else ""))
    for call in answer.tool_calls.values():
        function = call.get("function") or {}
        st.caption(f"Asks for the tool `{function.get('name', 'unknown')}`.")


def draw_thinking(thinking: str, *, is_open: bool) -> None:
    """Draw what the model thought before it answered."""
    if not thinking:
        return
    # One key for both states: the box keeps what the reader chose.
    with st.expander("Thinking", expanded=is_open, icon=":material/psychology:"):
        st.markdown(safe_markdown(thinking))


def draw_waiting(answer: Answer) -> None:
    """Draw where a job is that says nothing yet."""
    line = waiting_line(answer)
    fraction = answer.progress.fraction if answer.progress else None
    if fraction is not None:
        st.progress(fraction, text=line)
    else:
        st.markdown(f":gray[{line} …]")


def draw_restart(answer: Answer) -> None:
    """Say that the text began anew, since what was read before is gone."""
    if answer.restarts:
        st.caption("The answer had to start over: its first worker was lost.")
