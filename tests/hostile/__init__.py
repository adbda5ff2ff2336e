"""The hostile corpus: files that were made to harm, given to the real command line, one process each.

    python -m tests.hostile

Every file is made by a script here (`checkpoints`, `configs`, `pictures`, `archives`, `runfolders`, `sets`,
`latents`); none is stored. A trial forks a child that has imported everything already (`tests.faults.processes`), holds
it to the address space that the same verb takes for a sound file and 300 MB, kills it after 30 s, and then asks: is the
canary alive (no code was run), is everything outside the output as it was, did the child end by an exit code that is
documented, with a message that names the file and what to do, without a traceback, without a control character?
"""
