"""What a task would take before it runs: seconds, money, tokens and quality, each with a spread and a source.

Knows nothing of passes, planners or the runtime. Imports graph, scheduler, journal, tracing and models.
"""

from orrery.cost.calibrate import Calibration, compare
from orrery.cost.catalogue import platform_of, servers_of
from orrery.cost.cost import AS_WRITTEN, Cost, CostModel, Option
from orrery.cost.estimates import Estimates
from orrery.cost.learn import learn, taught_by
from orrery.cost.learned import Learned
from orrery.cost.platform import Device, Model, Platform
from orrery.cost.predict import Prediction, predict
from orrery.cost.spread import NOTHING, Spread

__all__ = [
    "AS_WRITTEN",
    "NOTHING",
    "Calibration",
    "Cost",
    "CostModel",
    "Device",
    "Estimates",
    "Learned",
    "Model",
    "Option",
    "Platform",
    "Prediction",
    "Spread",
    "compare",
    "learn",
    "platform_of",
    "predict",
    "servers_of",
    "taught_by",
]
