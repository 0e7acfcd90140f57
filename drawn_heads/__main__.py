"""Draw talking heads with exact landmarks, as raw videos in VoxCeleb's layout.

python -m drawn_heads --output HEADS --people 200
"""

import argparse
import sys
from pathlib import Path

from drawn_heads.set import FPS, is_drawn
from drawn_heads.videos import VIDEOS, write_heads
from system.outputs import prepare_folder


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m drawn_heads",
        description="Draw talking heads with exact landmarks, as videos in VoxCeleb's layout.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--output", type=Path, required=True, help="folder to write into")
    parser.add_argument("--people", type=int, default=200, help="number of people")
    parser.add_argument("--videos-per-person", type=int, default=1, help="videos of each person")
    parser.add_argument("--frames", type=int, default=100, help="frames of each video")
    parser.add_argument("--fps", type=float, default=FPS, help="frames per second")
    parser.add_argument("--size", type=int, default=256, help="side of the square frames, pixels")
    parser.add_argument("--seed", type=int, default=0, help="seed of the whole set")
    parser.add_argument("--first-person", type=int, default=0, help="number of the first person")
    parser.add_argument(
        "--workers", type=int, default=None, help="processes; None takes one per processor"
    )
    options = parser.parse_args(arguments)
    try:
        prepare_folder(options.output, [], [VIDEOS], begun=is_drawn)
    except (ValueError, OSError) as error:
        sys.exit(f"{parser.prog}: {error}")
    try:
        paths = write_heads(**vars(options))
    except ValueError as error:
        parser.error(str(error))
    except OSError as error:
        sys.exit(f"{parser.prog}: {error}")
    print(f"{len(paths)} videos in {options.output}")


if __name__ == "__main__":
    main()
