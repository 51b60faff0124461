"""Data frames → Plotly figures, one module per theme. No Streamlit.

A figure sets no background, font or colour of text: Streamlit's theme does, light or dark. Texts in it that a user gave
have been through `words.chart`.
"""
