"""What a person does with a run, from Python: train it, load it, use it."""

from unroll.run.data_check import check as check
from unroll.run.data_check import describe_check as describe_check
from unroll.run.start import train as train
from unroll.tasks.language.run import LanguageRun as LanguageRun
from unroll.tasks.load import load as load
from unroll.tasks.music.run import MusicRun as MusicRun
from unroll.tasks.run import Run as Run
