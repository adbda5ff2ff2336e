"""A check of pictures before they are trained on: what is wrong with them, shown three ways.

`inspect` reads every picture once and makes a `Report`; `summary`, `page` and `serial` show it.
"""
