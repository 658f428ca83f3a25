"""Who works: this process, several, a cluster, or whatever a user brings. Each is an `Engine`."""

from .asking import kind_of_workers
from .choice import ENGINES, USUAL, engine_of, using
from .engine import EVERYWHERE, MACHINE, PROCESS, Engine, Serial, Workers, reach_of, results_of
from .processes import Processes
from .ray import Ray

__all__ = [
    "ENGINES",
    "EVERYWHERE",
    "MACHINE",
    "PROCESS",
    "USUAL",
    "Engine",
    "Processes",
    "Ray",
    "Serial",
    "Workers",
    "engine_of",
    "kind_of_workers",
    "reach_of",
    "results_of",
    "using",
]
