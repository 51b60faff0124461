"""The choices that all pages share: one protocol, and which of its rows are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import streamlit as st

from benchmark.analysis.rows import Row
from benchmark.core.cell import Protocol
from leaderboard import words
from leaderboard.queries.selection import Filters, options, protocol_name

BIND: Literal["query-params"] = "query-params"


def choose_protocol(data: Mapping[Protocol, str]) -> Protocol:
    """Return the chosen one of at least one protocol, the newest first, each with what its data are called."""
    known = list(data)
    with st.sidebar:
        suite = _one("Suite", list(dict.fromkeys(one.suite for one in known)), "suite")
        known = [one for one in known if one.suite == suite]
        encoder = _one("Encoder", list(dict.fromkeys(one.encoder for one in known)), "encoder")
        known = [one for one in known if one.encoder == encoder]
        names = {protocol_name(one, data[one]): one for one in known}
        chosen = names[_one("Protocol and data", list(names), "protocol")]
        st.caption(
            f"test data {words.fingerprint(chosen)} · weights {chosen.encoder_sha256[:8]} · "
            f"{chosen.max_length} tokens · {words.markdown(chosen.selection)} epoch kept"
        )
    return chosen


def choose_filters(rows: Sequence[Row]) -> Filters:
    """Return which of `rows` are to be shown."""
    offered = options(rows)
    with st.sidebar:
        search = st.text_input("Search", key="search", bind=BIND, placeholder="method, parameter, reason")
        methods = _some("Methods", offered.methods, "methods")
        with st.expander("More filters", icon=":material/filter_list:"):
            statuses = _some("Status", offered.statuses, "status")
            origins = _some("Origin of parameters", offered.origins, "origin")
            devices = _some("Device", offered.devices, "device")
            precisions = _some("Precision", offered.precisions, "precision")
            since = st.date_input("Begun on or after (UTC)", value=None, key="since", bind=BIND, format="YYYY-MM-DD")
            until = st.date_input("Begun on or before (UTC)", value=None, key="until", bind=BIND, format="YYYY-MM-DD")
    return Filters(
        methods=methods,
        devices=devices,
        precisions=precisions,
        origins=origins,
        statuses=statuses,
        since=since.isoformat() if since else "",
        until=until.isoformat() if until else "",
        search=search,
    )


def _one(label: str, known: list[str], key: str) -> str:
    """Return the chosen one of `known`; the first where what was chosen is not there any more."""
    if key in st.session_state and st.session_state[key] not in known:
        del st.session_state[key]
    return st.selectbox(label, known, key=key, bind=BIND)


def _some(label: str, known: Sequence[str], key: str) -> tuple[str, ...]:
    """Return those of `known` that are chosen; none means all."""
    if key in st.session_state:
        st.session_state[key] = [value for value in st.session_state[key] if value in known]
    return tuple(st.multiselect(label, known, key=key, bind=BIND, placeholder="all"))
