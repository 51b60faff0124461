"""Parts that several pages have. Not beside the pages: Streamlit takes every file in a folder ``pages`` for a page."""
