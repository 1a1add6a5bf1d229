"""The last step before a server's program: `python launch.py PARENT SIGNAL DIRECTORY PROGRAM ARGUMENT…`.

Asks the kernel for SIGNAL when PARENT dies (Linux). If DIRECTORY is not empty, it first stops being root, because
Postgres refuses to run as root, and makes sure that the directory stays its own.
"""

import ctypes
import os
import pwd
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
OTHER_ID = 1000


def step_down(directory: Path) -> None:
    """Stop being root: in a user namespace, where files stay reachable wherever the checkout is, else as `nobody`."""
    if os.geteuid() != 0:
        return
    if sys.platform == "linux" and ctypes.CDLL(None).unshare(CLONE_NEWUSER) == 0:
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{OTHER_ID} 0 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{OTHER_ID} 0 1", encoding="ascii")
        return
    nobody = pwd.getpwnam("nobody")
    for path in directory, *directory.iterdir():
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)


def die_with(parent: int, signal_number: int) -> None:
    """Ask the kernel to send `signal_number` once the parent dies. Exit at once if it already has."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal_number)
    if os.getppid() != parent:
        sys.exit("the supervisor is gone")


def main() -> None:
    parent, signal_number, directory, *command = sys.argv[1:]
    if directory:
        step_down(Path(directory))
    # After the change of user: that change would clear the signal.
    die_with(int(parent), int(signal_number))
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
