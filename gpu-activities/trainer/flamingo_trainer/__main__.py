"""Flamingo's trainer.

python -m flamingo_trainer serve [unsloth]     run as a GPU worker's trainer (commands on descriptor 3, events on 4)
python -m flamingo_trainer prepare-model OUT   make the small real model's folder (about 20 s)
python -m flamingo_trainer tiny-model OUT      make a tiny random model's folder, for tests
python -m flamingo_trainer versions            print versions and device as JSON
"""

import json
import sys
from pathlib import Path

from . import environment


def main(arguments: list[str]) -> int:
    environment.settle()
    match arguments:
        case ["serve"] | ["serve", "unsloth"]:
            from .serve import serve

            return serve(*arguments[1:])
        case ["prepare-model", out]:
            from .models.bundled import prepare

            prepare(Path(out))
        case ["tiny-model", out]:
            from .models.tiny import make

            make(Path(out))
        case ["versions"]:
            print(json.dumps({"device": environment.device_name(), "versions": environment.versions()}))
        case ["help" | "-h" | "--help"]:
            print(__doc__)
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
