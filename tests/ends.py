# SPDX-License-Identifier: BSD-2-Clause
"""What the programs at the ends of a connection begin with, in the tests that watch them live.

unread() waits for data and leaves it, reset() for the end by RST: nothing depends on how busy the machine is.
"""
import subprocess

PRELUDE = """
import errno, os, select, signal, socket, struct, sys, time
HOST, PORT = sys.argv[1], int(sys.argv[2])
FAMILY = socket.AF_INET6 if ":" in HOST else socket.AF_INET
def listen(backlog=16):
    l = socket.socket(FAMILY); l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    l.bind((HOST, PORT)); l.listen(backlog); print("ready", flush=True); return l
def connect(): return socket.create_connection((HOST, PORT), 30)
def unread(s): s.recv(1, socket.MSG_PEEK)
def reset(s): p = select.poll(); p.register(s, 0); p.poll(30000)
def says(call):
    try: print(call(), flush=True)
    except OSError as e: print(errno.errorcode.get(e.errno, "TIMEOUT"), flush=True)
def ready():
    print("ready", flush=True); sys.stdin.readline()
"""
ACCEPT = "l = listen(); s, _ = l.accept(); "


def namespace():
    """A process in a network namespace of its own."""
    p = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo ready; exec sleep 1000"], stdout=subprocess.PIPE, text=True)
    p.stdout.readline()
    return p
