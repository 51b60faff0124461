"""Statistics of scores: pure functions on plain arrays, numpy and scipy only.

`summary`: one method over its seeds. `paired`: two methods on the same seeds and test rows. `several`: many pairs at
once, and which methods a reader must take as tied. `ranks`: methods over several suites. `planning`: how many seeds a
gain needs. `effects`: what each technique adds, from runs of combinations. Whatever resamples takes a generator.
"""

from __future__ import annotations

from benchmark.analysis.stats.summary import Summary as Summary
from benchmark.analysis.stats.summary import summarise as summarise
