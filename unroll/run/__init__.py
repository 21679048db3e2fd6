"""What a person does with a run, from Python: train it, load it, use it."""

from unroll.run.start import train as train
from unroll.run.use import Run as Run
from unroll.run.use import load as load
from unroll.run.words import trust_flag as trust_flag
from unroll.run.words import verdict as verdict
