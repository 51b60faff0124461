"""How an encoder is trained: the questions that a method answers, and the one loop.

A method's file needs one import from the project, this one::

    from benchmark.train import Answers, Baseline, Budget, Technique, parameter, technique

What stands here is the interface of methods and plug-ins; ``tests/benchmark/train/test_interface.py`` holds it. Other
modules may change without notice.

- *registering*: `technique`, `method`, `combination`, `parameter`, `Value`
- *a technique*: `Technique`, `Baseline`, `Budget`, `Answers`; `ContrastiveThenClassify` for two phases
- *its answers*, by question: start `Pretrained`; trainable `FullEncoder`, `FrozenEncoder`; rates `UniformRates`;
  schedule `Cosine`, `Linear`, `Constant`, `PeriodicCosine`, `StepDecay`, `Cyclic`, `PerEpoch`, `WarmedUp`; optimizer
  `AdamW`, `Adam`, `Momentum`; batches `Shuffled`, `Alternating`, `SharedBatches` (of `Part`, `TaskWeights`);
  heads `ClsHead`, `HeadsAtLayers`, `KeptHeads`; objective `TaskLoss`, `Contrastive`; gradients `SummedGradients`;
  weight selection `BestWeights`, `LastWeights`; the learning rate's peak and the encoder's dropout are numbers
- *answers of one's own* implement the protocols `Start`, `Trainable`, `Rates`, `Schedule`, `OptimizerRule`, `Batches`,
  `Heads`, `Objective`, `Gradients` with `GradientCombiner`, `WeightSelection` with `WeightTracker` and `Validation`
- *a whole method*: `fit` is given `TrainingData` and a `Run` and returns a `Predictor`; `train` runs phases
  (`Recipe`) on a `Model`
- *data and model*: `Head` (what a task asks), `Split`, `Model`, `HeadModule`, `SequentialHead`, `draw_head`, `Blocks`
- *errors*: `UsageError` (one line that says what to do), `SkippedError` (no meaning for a suite), `DivergedError`;
  `did_you_mean` for the nearest word
- *randomness*: `Streams`, the only source; `number_beside` for a module with masks of its own
"""

from benchmark.core import layer_scores as layer_scores
from benchmark.core.errors import DivergedError as DivergedError
from benchmark.core.errors import SkippedError as SkippedError
from benchmark.core.errors import UsageError as UsageError
from benchmark.core.metrics import metric as metric
from benchmark.core.parameters import Value as Value
from benchmark.core.parameters import parameter as parameter
from benchmark.core.record import PhaseStarted as PhaseStarted
from benchmark.core.record import Point as Point
from benchmark.core.record import Score as Score
from benchmark.core.registry import combination as combination
from benchmark.core.registry import method as method
from benchmark.core.seeds import Streams as Streams
from benchmark.core.seeds import number_beside as number_beside
from benchmark.core.text import did_you_mean as did_you_mean
from benchmark.data.batches import EPOCH_LENGTHS as EPOCH_LENGTHS
from benchmark.data.batches import MODES as MODES
from benchmark.data.batches import ROUND_ROBIN as ROUND_ROBIN
from benchmark.data.batches import TEMPERATURE as TEMPERATURE
from benchmark.data.batches import Alternating as Alternating
from benchmark.data.batches import Part as Part
from benchmark.data.batches import SharedBatches as SharedBatches
from benchmark.data.batches import Shuffled as Shuffled
from benchmark.data.batches import Step as Step
from benchmark.data.task import Head as Head
from benchmark.data.task import Split as Split
from benchmark.data.task import TrainingData as TrainingData
from benchmark.data.task_weights import TaskWeights as TaskWeights
from benchmark.data.task_weights import parse_weights as parse_weights
from benchmark.model.blocks import MAX_BLOCKS as MAX_BLOCKS
from benchmark.model.blocks import Blocks as Blocks
from benchmark.model.blocks import initialise as initialise
from benchmark.model.blocks import parse_blocks as parse_blocks
from benchmark.model.heads import CONCAT as CONCAT
from benchmark.model.heads import JOINS as JOINS
from benchmark.model.heads import HeadModule as HeadModule
from benchmark.model.heads import SequentialHead as SequentialHead
from benchmark.model.model import Model as Model
from benchmark.model.model import count as count
from benchmark.model.model import draw_head as draw_head
from benchmark.train.baseline import Adam as Adam
from benchmark.train.baseline import AdamW as AdamW
from benchmark.train.baseline import Baseline as Baseline
from benchmark.train.baseline import FrozenEncoder as FrozenEncoder
from benchmark.train.baseline import FullEncoder as FullEncoder
from benchmark.train.baseline import Momentum as Momentum
from benchmark.train.baseline import Pretrained as Pretrained
from benchmark.train.baseline import SummedGradients as SummedGradients
from benchmark.train.baseline import UniformRates as UniformRates
from benchmark.train.contrastive import Contrastive as Contrastive
from benchmark.train.heads import ClsHead as ClsHead
from benchmark.train.heads import HeadPosition as HeadPosition
from benchmark.train.heads import HeadsAtLayers as HeadsAtLayers
from benchmark.train.heads import KeptHeads as KeptHeads
from benchmark.train.heads import check_join as check_join
from benchmark.train.heads import report_default as report_default
from benchmark.train.loop import train as train
from benchmark.train.objectives import TaskLoss as TaskLoss
from benchmark.train.predict import ModelPredictor as ModelPredictor
from benchmark.train.predict import Predictor as Predictor
from benchmark.train.recipe import Answers as Answers
from benchmark.train.recipe import Batches as Batches
from benchmark.train.recipe import Budget as Budget
from benchmark.train.recipe import GradientCombiner as GradientCombiner
from benchmark.train.recipe import Gradients as Gradients
from benchmark.train.recipe import Heads as Heads
from benchmark.train.recipe import Objective as Objective
from benchmark.train.recipe import OptimizerRule as OptimizerRule
from benchmark.train.recipe import Rates as Rates
from benchmark.train.recipe import Recipe as Recipe
from benchmark.train.recipe import Schedule as Schedule
from benchmark.train.recipe import Start as Start
from benchmark.train.recipe import Trainable as Trainable
from benchmark.train.recipe import Validation as Validation
from benchmark.train.recipe import WeightSelection as WeightSelection
from benchmark.train.recipe import WeightTracker as WeightTracker
from benchmark.train.run import Run as Run
from benchmark.train.schedules import Constant as Constant
from benchmark.train.schedules import Cosine as Cosine
from benchmark.train.schedules import Cyclic as Cyclic
from benchmark.train.schedules import Linear as Linear
from benchmark.train.schedules import PerEpoch as PerEpoch
from benchmark.train.schedules import PeriodicCosine as PeriodicCosine
from benchmark.train.schedules import StepDecay as StepDecay
from benchmark.train.schedules import WarmedUp as WarmedUp
from benchmark.train.techniques import Technique as Technique
from benchmark.train.techniques import technique as technique
from benchmark.train.two_phase import ContrastiveThenClassify as ContrastiveThenClassify
from benchmark.train.weight_selection import BestWeights as BestWeights
from benchmark.train.weight_selection import LastWeights as LastWeights
from benchmark.train.weight_selection import restore_weights as restore_weights
