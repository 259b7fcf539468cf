"""What the peers' scripts share: the job file that they are started with, and the one JSON object that they print."""

import json
import resource
import sys


def read_job() -> dict:
    with open(sys.argv[1], encoding="utf-8") as file:
        return json.load(file)


def print_result(seconds: float, verdicts: list) -> None:
    """`verdicts`: pairs of an item's id and its score, None = a reply that is no number."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    result = {
        "wallMs": seconds * 1000,
        "cpuSeconds": used.ru_utime + used.ru_stime,
        "peakRssMb": used.ru_maxrss / 1024,
        "verdicts": verdicts,
    }
    print(json.dumps(result))
