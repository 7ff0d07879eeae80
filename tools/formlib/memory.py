"""What a process has in memory, from /proc."""


def of_process(pid):
    """Bytes of anonymous memory now, and the most of all resident memory that there has been; 0 when the
    process is gone."""
    found = {}
    try:
        with open(f"/proc/{pid}/status") as status:
            for line in status:
                key, _, rest = line.partition(":")
                if key in ("RssAnon", "VmHWM"):
                    found[key] = int(rest.split()[0]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found.get("RssAnon", 0), found.get("VmHWM", 0)
