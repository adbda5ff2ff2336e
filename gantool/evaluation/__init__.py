"""Measuring generated pictures against real ones: which ones, in which features, with which floor, on which card."""
