"""Measurements that back the documents. Each module is run with ``python -m benchmarks.NAME``."""
