# SPDX-License-Identifier: BSD-2-Clause
"""What a program has left behind: processes, also those that nobody is the parent of any more, and what of
the machine itself it has changed.

A process is told by a mark in its environment, which all its descendants inherit. The numbers of its
namespaces would be no sign: the kernel gives them to the next ones, those of a lab beside this one.
"""
import os
import pathlib
import uuid

MARK = "TCPWHY_LEFTOVERS"


def marked(environment=None):
    """(mark, environment that holds it)"""
    mark = uuid.uuid4().hex
    return mark, {**(os.environ if environment is None else environment), MARK: mark}


def processes(mark):
    """pid -> command of all processes with this mark; one that has ended and waits for its parent has none."""
    found, wanted = {}, f"{MARK}={mark}".encode()
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found[int(folder.name)] = (folder / "comm").read_text().strip()
        except OSError:
            continue
    return found


def network_namespaces(pids):
    """The namespaces that processes are in, and those that they hold open."""
    found = set()
    for pid in pids:
        links = [f"/proc/{pid}/ns/net"]
        try:
            links += [f"/proc/{pid}/fd/{name}" for name in os.listdir(f"/proc/{pid}/fd")]
        except OSError:
            pass
        for link in links:
            try:
                target = os.readlink(link)
            except OSError:
                continue
            if target.startswith("net:["):
                found.add(target)
    return found


def machine():
    """What a lab could leave without a process: a set of words to compare with an earlier one. A namespace
    outlives its processes only if it is mounted somewhere."""
    mounts = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
    state = {"namespace mounted on " + line.split()[4] for line in mounts if " - nsfs " in line}
    state |= {f"interface {name}" for name in os.listdir("/sys/class/net")}
    state |= {f"file /dev/shm/{name}" for name in os.listdir("/dev/shm")}
    return state
