"""Data from Python: tables, arrays, lists, images and sounds, put into the files that tasks read.

A run on data from Python is the run on that file by construction: no task has a second reader.
"""
