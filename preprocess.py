"""Turn raw videos or photos into one pickle per video.

    python preprocess.py --source VIDEOS --output DATA
    python preprocess.py --source VIDEOS --output DATA --detector stored --workers 8
    python preprocess.py --source VIDEOS --output DATA --shard 3/16     # on the third machine
    python preprocess.py --source VIDEOS --output DATA --dry-run        # how long, how much disk?
    python preprocess.py --inspect DATA                                 # is it whole and good?

Running the same command again goes on where it stopped.
"""

import system.waiting  # noqa: F401 - sets how PyTorch's threads wait

import cli
import config
from dataset.preparation.inspection import inspect
from dataset.preparation.pipeline import preprocess
from dataset.preparation.quality import Gates
from dataset.store import WRITES, is_begun
from system.outputs import Input, prepare_folder


def main() -> None:
    """Read the command line, do the work, print what was done."""
    options = dict(vars(cli.parse(config.Preprocess, "preprocess.py")))
    folder = options.pop("inspect")
    if folder:
        print(inspect(folder))
        return
    source = Input("--source", options["source"])
    prepare_folder(options["output"], [source], WRITES, is_begun, dry=options["dry_run"])
    device, gates = options.pop("device"), options.pop("gates")
    devices = ["cpu"]
    if options["detector"] == "face-alignment":
        from system.device import all_devices  # imports PyTorch, which nothing else here needs

        devices = all_devices(device)
    print(preprocess(**options, devices=devices, gates=Gates(**vars(gates))))


if __name__ == "__main__":
    cli.run(main)
