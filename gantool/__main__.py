"""``python -m gantool``, the same as the ``gantool`` command."""

from gantool.cli import main

main()
