"""Statistics: estimates of a number on sampled rows, their confidence intervals, and what follows from those.

Arrays and numbers in, numbers out. Needs numpy and scipy alone, and imports nothing else of mqa, so that what decides
on a release can be read, tested and simulated by itself.
"""
