"""The leaderboard: floor 6, views and nothing but views.

What belongs here: the Streamlit application, one file per page, the queries that turn records into data frames
(``queries.py``, without Streamlit) and the charts drawn from those frames. What does not: anything that trains, scores,
averages or tests. Such functions stand on lower floors and are called from here, so that a figure on a page, in a
report and in the terminal is one figure. The records come from the tracking store; there is no second database.

Nothing below imports this package.
"""
