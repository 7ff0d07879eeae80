"""Programs whose output is a terminal."""

import os
import pty


def watch(start, see):
    """start(side) runs a program on the terminal; see(part, run) gets what comes on it. Its exit code."""
    main, side = pty.openpty()
    run = start(side)
    os.close(side)
    try:
        while part := os.read(main, 4096):
            see(part, run)
    except OSError:  # the other side is closed
        pass
    os.close(main)
    return run.wait()
