"""Runs a program at a terminal of its own: terminal.py <when> <keys> <program> <args...>.

Types the keys when the program has written <when>; prints what it writes, and exits as it does.
"""
import os
import pty
import sys

when, keys, program = sys.argv[1].encode(), sys.argv[2].encode(), sys.argv[3:]
pid, master = pty.fork()
if pid == 0:
    os.execvp(program[0], program)
said = b''
typed = False
while True:
    try:
        part = os.read(master, 4096)
    except OSError:
        part = b''
    if not part:
        break
    said += part
    os.write(1, part)
    if not typed and when in said:
        typed = True
        os.write(master, keys)
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status))
