"""Hostile inputs: valid files of every reader, changed at random, must end in a result or a sentence."""
