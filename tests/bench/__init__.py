"""`make bench`: how fast, how small and how gentle the agent is, beside physical floors and other software.

Everything a figure is held against is measured in the same run, in turns with it: on a noisy machine a ratio
of neighbours says more than any number of milliseconds. Each measurement is one small module with one
`measure`; `python -m tests.bench` runs them all and writes `bench/results.md`.
"""
