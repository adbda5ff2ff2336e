"""The fault harness: real runs are killed, raced, signalled and soaked, go on, and are compared with runs left alone.

    python -m tests.faults faults        the counts that CI affords
    python -m tests.faults torture       the full counts

Every trial is a real ``gantool train`` or ``gantool resume`` with its real command line. The harness has imported
torch once, has one thread, computes nothing itself and forks a child for each run, which spares two seconds a run.
That is honest: a child is a process of its own with its own memory and descriptors, ``SIGKILL`` ends it as it ends
any other, and what must survive is on the disk. One trial shows that a forked run and one started by a shell give
the same bits. Where the start of the interpreter itself matters (the locale, the ranks of ``--processes``),
nothing is forked.

Faults are planted from outside: `hooks` wraps functions of gantool in the child, after the fork. Nothing in gantool
knows of it.
"""
