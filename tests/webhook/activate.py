"""`activate.py DESCRIPTOR PROGRAM ARGUMENT...` starts a program as a socket unit does."""

import os
import sys

descriptor, program, *arguments = sys.argv[1:]
if int(descriptor) != 3:
    os.dup2(int(descriptor), 3)
os.set_inheritable(3, True)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
os.execv(program, [program, *arguments])
