"""How an encoder is trained: the questions that a method answers, and the one loop.

What a method's file needs is imported from here::

    from benchmark.train import Answers, Baseline, Budget, Technique, parameter, technique
"""

from benchmark.core.parameters import parameter as parameter
from benchmark.core.registry import combination as combination
from benchmark.core.registry import method as method
from benchmark.core.registry import technique as technique
from benchmark.train.baseline import Baseline as Baseline
from benchmark.train.recipe import Answers as Answers
from benchmark.train.recipe import Budget as Budget
from benchmark.train.techniques import Technique as Technique
