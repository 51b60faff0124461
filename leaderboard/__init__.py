"""The leaderboard: floor 6, views and nothing but views.

What belongs here: the Streamlit application, one file per page, the queries that turn records into data frames and the
charts drawn from those frames. What does not: anything that trains, scores, averages or tests. Such functions stand on
lower floors and are called from here, so that a figure on a page, in a report and in the terminal is one figure. The
records come from the tracking store; there is no second database. Nothing below imports this package.

========================  ============================================================================================
``app.py``                what Streamlit runs: sidebar, navigation, what is said instead of a page when there is none
``views/``                a page per file, found by lying there; `leaderboard.views` says what a page has
``parts/``                what several pages show alike: curves by phase, tables of examples
``context.py``            what a page is given: the protocol, its rows, those that the filters let through, the store
``store.py``              reads the tracking store, once per change of it; the only cache
``sidebar.py``            the choices that all pages share
``show.py``               how pages say things: links, empty states, columns with units
``queries/``              records → data frames, by theme. Without Streamlit
``charts/``               data frames → Plotly figures, by theme. Without Streamlit
``words.py``              numbers with units; user-given strings made harmless
``.streamlit/``           the theme, light and dark
========================  ============================================================================================

Conventions

- **One protocol at a time.** Suite, encoder and data are chosen in the sidebar and never mixed. Filters hide *rows*,
  never cells: a mean, an interval or a tie letter doesn't depend on what else is shown.
- **Deep links.** Every choice is a widget with ``key=…`` and ``bind="query-params"``: Streamlit then restores it from
  the address and writes it there, for as long as the page is open. Keys are short words (``suite``, ``methods``), and
  those of a page's own widgets differ from every other page's.
- **Live.** A fragment looks at the store's change stamp every `store.EVERY` seconds and reruns the page when it is
  another. What a finished run left (curves, predictions) is read once; what a running one left, once per stamp.
- **A row's key** is its cell's ``group`` (12 hex digits), in frames, figures and addresses; its label is for people.
  Its colour is its place among all rows of the protocol, so that it keeps it under any filter.
- **User-given strings are data**: names, labels, reasons, texts. Data frames, ``st.text``, ``st.code`` and options of
  select boxes take them as they are; Markdown (``st.write``, labels of buttons, links and metrics, captions) takes
  `words.markdown`, a figure `words.chart`. ``unsafe_allow_html`` is never set.
- **Numbers** stand in columns of numbers, so that they align and sort, with the unit in the header.
"""
