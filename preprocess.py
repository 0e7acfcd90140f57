"""Turn raw videos or photos into one pickle per video.

    python preprocess.py --source VIDEOS --output DATA
    python preprocess.py --source VIDEOS --output DATA --detector stored --workers 8
    python preprocess.py --source VIDEOS --output DATA --shard 3/16     # on the third machine

Running the same command again goes on where it stopped.
"""

import cli
import config
from dataset.preprocessing import preprocess


def main() -> None:
    """Read the command line, do the work, print what was done."""
    options = cli.parse(config.Preprocess, "preprocess.py")
    device = "cpu"
    if options.detector == "face-alignment":
        from runtime import resolve_device  # imports PyTorch, which nothing else here needs

        device = str(resolve_device(options.device))
    print(preprocess(**vars(options) | {"device": device}))


if __name__ == "__main__":
    cli.run(main)
