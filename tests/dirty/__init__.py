"""Dirty sets: good pictures with every fault planted on purpose and written down, to prove what a check finds.

``python -m tests.dirty make garments --out DIR`` builds a set, ``sheet`` draws what was planted, ``score`` counts what
a report found of it. Thresholds of the check are fixed on half A of a set and reported on half B.
"""
