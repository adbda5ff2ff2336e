"""The command line: one file a verb, thin. Heavy imports live inside the commands, so ``--help`` needs no torch."""

from __future__ import annotations

import os
import signal
import sys

from gantool.cli.app import app
from gantool.errors import ConfigError, GantoolError, NoDeviceError, RankLostError, ResourceError, exit_code_of
from gantool.legible import legible_lines


def main() -> None:
    """Run the command line; a `GantoolError` becomes its message on stderr and its exit code."""
    try:
        app()
    except GantoolError as error:
        # Every rank meets most faults, and the first says so; but it may be the one that is lost, and memory and
        # devices are each one's own.
        rank = os.environ.get("RANK", "0")
        if rank == "0" or isinstance(error, ResourceError | NoDeviceError):
            whose = "" if rank == "0" or isinstance(error, RankLostError) else f"rank {rank}: "
            # A config fault begins with file:line, as editors and greps want it.
            said = str(error) if isinstance(error, ConfigError) else f"gantool: {whose}{error}"
            print(legible_lines(said), file=sys.stderr)
        sys.exit(exit_code_of(error))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:  # `gantool config show … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
