"""What a person does with a run, from Python: train it, load it, use it."""

from unroll.run.data_check import check as check
from unroll.run.kinds import load as load
from unroll.run.language import LanguageRun as LanguageRun
from unroll.run.music import MusicRun as MusicRun
from unroll.run.start import train as train
from unroll.run.use import Run as Run
from unroll.run.words import facts_in_words as facts_in_words
