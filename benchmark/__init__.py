"""The benchmark: what is measured, on what, and how it is recorded.

The packages are floors; a file imports from its own floor or a lower one (``tests/test_floors.py`` walks the imports):

====== ======================================================== ====================================================
floor  where                                                    what
====== ======================================================== ====================================================
6      ``leaderboard/``                                         views over the records
5      ``benchmark/*.py``, ``commands/``                        arguments → cells → records
4      ``methods/``                                             one technique or method per file
3      ``benchmark/train/``                                     the questions a method answers, and the one loop
2      ``benchmark/model/``                                     encoders, heads, parameter groups
1      ``benchmark/data/``                                      tasks, sources, tokens, batches
0      ``benchmark/{cell,record,metrics,seeds,space,…}.py``     the nouns: standard library and numpy/scipy only
====== ======================================================== ====================================================
"""

__version__ = "0.1.0"
