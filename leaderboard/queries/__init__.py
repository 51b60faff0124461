"""Records → data frames, one module per theme. No Streamlit, nothing that is seen, no statistics of its own.

A frame's columns are documented where it is made. Scores are shares (0..1) and losses nats, as in the record: what is
shown in percent is multiplied by the page.
"""
