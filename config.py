"""Every number that a user may change, as frozen dataclasses; the defaults are the paper's.

`paper` means arXiv v2 / ICCV 2019. Each class becomes the command line of one script.
"""

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

FILE = {"file": True}  # marks an option that names a file to write
Device = Literal["auto", "cuda", "cpu"]
Precision = Literal["auto", "float32", "bfloat16"]
Detector = Literal["face-alignment", "dlib", "stored"]
Crop = Literal["auto", "whole", "face"]
Content = Literal["vgg", "l1", "vgg+l1"]

ANY = math.inf
# Least and greatest value of every number, wherever an option of that name stands.
RANGES = {
    **dict.fromkeys(
        ("shots", "batch_size", "epochs", "keep", "discriminator_steps", "accumulate"), (1, ANY)
    ),
    "overfit": (2, ANY),
    "face": (1, ANY),
    **dict.fromkeys(("log_every", "sample_every", "save_every"), (1, ANY)),
    "process_timeout": (1, ANY),
    **dict.fromkeys(("people", "frames", "driving_frames", "held_out"), (1, ANY)),
    **dict.fromkeys(("steps", "workers", "threads", "finetune_steps"), (0, ANY)),
    **dict.fromkeys(("longest", "largest", "most_steps", "waiting"), (1, ANY)),
    "port": (0, 65535),
    **dict.fromkeys(("generator_lr", "discriminator_lr"), (1e-12, ANY)),  # SparseAdam refuses 0
    **dict.fromkeys(("eps", "identity_rescale", "seconds"), (0, ANY)),
    **dict.fromkeys(("beta1", "beta2", "ema"), (0, 0.999999)),
    **dict.fromkeys(("decay", "matching_warmup", "augmentation", "smooth"), (0, 1)),
    **dict.fromkeys(("channels", "max_channels", "generator_channels"), (8, 8192)),
    "bottleneck": (4, 256),
    **dict.fromkeys(("most_outside", "least_likeness"), (0, 1)),
    **dict.fromkeys(("least_face", "least_sharpness", "least_motion"), (0, ANY)),
    "least_change": (0, 255),
    "unseen_people": (2, ANY),
    "seed": (0, 2**63 - 1),
}


class Checked:
    """A configuration whose numbers lie in their ranges."""

    def __post_init__(self) -> None:
        for name, (least, most) in RANGES.items():
            value = getattr(self, name, None)
            if isinstance(value, int | float) and not least <= value <= most:
                limits = f"at least {least}" if most == ANY else f"from {least} to {most}"
                option = name.replace("_", "-")
                raise ValueError(f"--{option} must be {limits}, got {value}")


@dataclass(frozen=True)
class Gates(Checked):
    """What frames and videos must reach to be stored; 0 switches a gate off."""

    least_face: float = 0.2
    """Face in the source, brow to chin or cheek to cheek, as a share of --image-size."""
    most_outside: float = 0.1
    """Share of the landmarks that may lie outside the picture; 1 switches it off."""
    least_sharpness: float = 0.025
    """Fine detail of the face: variance of the Laplacian over variance of the grey values."""
    least_change: float = 6.0
    """Grey values by which two frames must differ somewhere, or one is a near-duplicate."""
    least_motion: float = 0.003
    """How far the landmarks move, as a share of the face, or a video is near-static."""
    least_likeness: float = 0.85
    """Faces that follow each other with fewer colours in common are reported as a cut."""
    reject_cuts: bool = False
    """Skip videos with a cut."""


@dataclass(frozen=True)
class Preprocess(Checked):
    """Turn raw videos or photos into one pickle per video. Running it again resumes."""

    source: Path | None = None
    """VoxCeleb tree (person/video/segment.mp4), flat folder of videos, or folders of photos."""
    output: Path | None = None
    """Folder for the pickles, videos.txt, manifest.jsonl and contact_sheet.jpg."""
    inspect: Path | None = None
    """Only check such a folder, report on it, and write its contact sheet anew."""
    dry_run: bool = False
    """Write nothing; say what would be done, how long it would take, and how much disk."""
    detector: Detector = "face-alignment"
    """face-alignment: its networks; dlib: needs no download, fast, but poor on profiles; stored:
    clip.landmarks.npy beside clip.mp4."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of face-alignment: bfloat16 is faster where the hardware has it, and less exact."""
    crop: Crop = "auto"
    """whole: face crops already; face: cut out the face; auto: whole for VoxCeleb trees."""
    image_size: int = 256
    """Side of the stored square frames, pixels."""
    frames_per_video: int = 9
    """Frames kept of each video: K + 1, or more to let every epoch choose afresh."""
    jpeg_quality: int = 95
    """Quality of the stored frames, 1 to 100."""
    workers: int = 0
    """Processes that decode; 0: one per core. On the CPU they detect too."""
    shard: str = "1/1"
    """i/n: do the i-th of n equal parts of the videos, for many machines."""
    limit: int | None = None
    """Do at most this many videos."""
    overwrite: bool = False
    """Do videos again that are done already."""
    device: Device = "auto"
    """Where face-alignment runs: one process on each GPU that is visible, or the workers."""
    seed: int = 0
    """Chooses the frames."""
    gates: Gates = field(default_factory=Gates)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.inspect is None and (self.source is None or self.output is None):
            raise ValueError("--source and --output are needed, or --inspect alone")
        if self.inspect is not None and (self.source or self.output or self.dry_run):
            raise ValueError("--inspect stands alone, without --source, --output and --dry-run")


@dataclass(frozen=True)
class Networks(Checked):
    """Shapes of the embedder, the generator and the discriminator."""

    image_size: int = 256
    """Side of the square images, pixels: 64, 128, 224 or 256."""
    channels: int = 64
    """Width of each network's first block."""
    max_channels: int = 512
    """Width of the deepest blocks; also N, the length of embedding and identity."""
    generator_channels: int | None = None
    """Width of the generator's first block; default: --channels."""
    bottleneck: int = 16
    """Side of the generator's smallest maps, pixels; the paper has 16 at 256."""
    attention: bool = True
    """Self-attention: after the third down block of embedder and discriminator, and in the
    generator before the last down block and after the second up block."""
    spectral_norm: bool = True
    """Spectral norm on every layer of the embedder and the generator."""
    discriminator_spectral_norm: bool = True
    """Spectral norm on every layer of the discriminator."""
    gain_offset: float = 0.0
    """Added to every AdaIN scale; 1 makes blocks start switched on (the paper: 0)."""


VGG19_WEIGHTS = {"torchvision": 10.0, "caffe": 0.15}  # by convention; the paper's is Caffe's


@dataclass(frozen=True)
class LossWeights:
    """Weights of the generator's loss terms; the hinge terms have weight 1."""

    vgg19_weight: float | None = None
    """Content on VGG19; default: 10 for torchvision's, 0.15 for Caffe's, the paper's number."""
    vggface_weight: float = 2.5e-2
    """Content on VGGFace, with --face-features vggface."""
    dlib_weight: float = 0.5
    """Content on dlib's face recognition, with --face-features dlib; 0.5 moves pixels about as much
    as the paper's weight of VGGFace does (the paper: none)."""
    l1_weight: float = 20.0
    """Content on pixels, with --content l1 or vgg+l1."""
    adversarial_weight: float = 1.0
    """The generator's hinge term."""
    feature_matching_weight: float = 10.0
    """Distance of the discriminator's features, mean over its maps."""
    matching_weight: float = 10.0
    """Embedding against row of W. 0 trains the paper's feed-forward variant."""


@dataclass(frozen=True)
class Optimization(Checked):
    """Adam for all networks, SparseAdam for W."""

    generator_lr: float = 5e-5
    """Learning rate of embedder, generator and P."""
    discriminator_lr: float = 2e-4
    """Learning rate of the discriminator and of W."""
    beta1: float = 0.0
    """Adam's decay of the mean gradient."""
    beta2: float = 0.999
    """Adam's decay of the squared gradient."""
    eps: float = 1e-5
    """Adam's epsilon; matters in reduced precision."""
    discriminator_steps: int = 2
    """Discriminator updates per generator update."""
    decay: float = 0.0
    """Share of the steps, at the end, over which all learning rates fall to 0 (the paper: 0)."""


@dataclass(frozen=True)
class Runtime(Checked):
    """Where and how it is computed; none of it changes what is learnt beyond rounding."""

    device: Device = "auto"
    """auto: the GPU where there is one."""
    precision: Precision = "auto"
    """auto: bfloat16 autocast where the hardware has it, else float32."""
    threads: int = 0
    """CPU threads for the mathematics; 0: leave it to PyTorch."""


@dataclass(frozen=True)
class Speed(Checked):
    """How a step takes less time or memory; none of it changes what is learnt beyond rounding."""

    compile: Literal["auto", "on", "off"] = "auto"
    """torch.compile the networks; auto: on GPUs, where it works. The first step takes minutes."""
    channels_last: bool = True
    """Memory layout that convolutions like best."""
    fused_optimizer: bool = True
    """Adam in one kernel."""
    cudnn_benchmark: bool = False
    """On GPUs try cuDNN's algorithms and keep the fastest; runs then differ in their rounding.
    What it brings is not measured yet."""
    joint_judgement: bool = True
    """The discriminator sees generated and true images in one pass."""
    power_iteration_per_forward: bool = False
    """Update spectral norms at every forward pass, like PyTorch's own, not once per update."""
    accumulate: int = 1
    """Compute a batch in so many equal parts, one after the other: less memory."""
    checkpoint_embedder: bool = False
    """Compute the embedder's activations again in the backward pass: a K-th of their memory."""


@dataclass(frozen=True)
class Train(Checked):
    """Meta-learn embedder, generator and discriminator. Running the same command again resumes."""

    data: Path
    """Folder that preprocess.py wrote."""
    run: Path
    """Folder for config.json, stats.jsonl, samples, curves.png and checkpoints."""
    sources: int = 8
    """K: frames of each video that the embedder sees."""
    workers: int = 2
    """Processes that load data for each training process; 0: load in the training process."""
    augmentation: float | None = None
    """Mirror, recolour and reshape each episode's frames alike, 0 (mirror only) to 1 (the paper: no
    change); for few people, to make more of them."""
    mix: Path | None = None
    """Another folder of preprocess.py, whose videos make every second episode: drawn heads, to
    accompany few people (the paper: none). Its videos must have other ids than those of --data;
    its people too, or evaluate.py takes theirs for seen (python -m drawn_heads --first-person)."""
    start_from: Path | None = None
    """A run or an exported model of the same networks; a new run begins with what it has learnt."""
    overfit: int | None = None
    """Learn one fixed episode of so many videos by heart, to see whether training works at all."""
    batch_size: int = 8
    """Videos per step and process: with torchrun a step has as many times more."""
    epochs: int = 75
    """Passes over the videos (the paper: 75, or 150 for the feed-forward variant)."""
    steps: int | None = None
    """Train for this many steps in place of --epochs."""
    matching_warmup: float = 0.1
    """Share of the steps over which the matching weight rises from 0."""
    ema: float = 0.999
    """Decay of the averaged embedder and generator that are used for inference."""
    content: Content = "vgg"
    """vgg: the paper's perceptual loss; l1: pixels, for when no VGG weights can be had; vgg+l1:
    both."""
    vgg19: Path | None = None
    """VGG19's weights by torchvision's names; default: torchvision's own file, which is downloaded.
    One that ends early will do, with fewer of the paper's five layers."""
    vgg19_convention: Literal["torchvision", "caffe"] = "torchvision"
    """What VGG19 was trained on; caffe (BGR, 0 to 255), the paper's: vgg19-d01eb7cb.pth."""
    face_features: Literal["auto", "vggface", "dlib", "none"] = "auto"
    """The content loss' second network, which knows faces. vggface: the paper's, needs --vggface;
    dlib: dlib's face recognition, needs no file; none: without. auto: vggface where its file is
    named, else dlib where it is installed; none with --content l1."""
    vggface: Path | None = None
    """vgg_face_dag.pth, for --face-features vggface."""
    log_every: int = 50
    """Steps between lines in stats.jsonl."""
    sample_every: int = 1000
    """Steps between sample grids and curves."""
    save_every: int = 1000
    """Steps between checkpoints."""
    keep: int = 2
    """Checkpoints kept; older ones are deleted."""
    skip_damaged: bool = False
    """Go on without videos whose records are damaged or missing; their rows of W stay."""
    video_embeddings_on_cpu: bool = False
    """W and its optimiser stay in host memory: for millions of videos beside a small GPU."""
    process_timeout: float = 600.0
    """With torchrun: seconds to wait for another process, which may be saving, before giving up."""
    seed: int = 0
    """Initialises the networks and draws the frames."""
    networks: Networks = field(default_factory=Networks)
    weights: LossWeights = field(default_factory=LossWeights)
    optimization: Optimization = field(default_factory=Optimization)
    runtime: Runtime = field(default_factory=Runtime)
    speed: Speed = field(default_factory=Speed)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch_size % self.speed.accumulate:
            raise ValueError(
                f"--accumulate must divide --batch-size {self.batch_size}, "
                f"got {self.speed.accumulate}"
            )
        if self.face_features == "vggface" and self.vggface is None:
            raise ValueError("--face-features vggface needs --vggface FILE")


@dataclass(frozen=True)
class Finetune(Checked):
    """Fit the model to one person. What is not said here is as in meta-learning."""

    checkpoint: Path
    """Run folder or checkpoint of train.py, or a model of train.py export."""
    source: Path
    """One person: a photo, a video, a folder of both, or a pickle of preprocess.py."""
    output: Path = field(metadata=FILE)
    """The head to write, for instance heads/me.pt."""
    shots: int = 32
    """T: at most this many pictures to learn from; the error is reported on further ones."""
    steps: int | Literal["auto"] | None = None
    """Generator updates; default: the paper's 40 epochs, 40 * ceil(T / 8); auto: find out
    on a fifth of the pictures how many help, then do them on all."""
    batch_size: int = 8
    """Pictures per step, at most T."""
    generator_lr: float | None = None
    """Learning rate of generator and style; default: as in meta-learning."""
    discriminator_lr: float | None = None
    """Learning rate of discriminator and identity; default: as in meta-learning."""
    identity_rescale: float = 2.0
    """Embeddings longer than this many mean rows of W are cut to one before they become w'."""
    content: Content | None = None
    """What images are compared by; default: as in training. l1 needs neither VGG19 nor VGGFace."""
    vgg19: Path | None = None
    """VGG19's weights, where they lie elsewhere than in training."""
    vggface: Path | None = None
    """vgg_face_dag.pth, where it lies elsewhere than in training."""
    detector: Detector = "face-alignment"
    """face-alignment: its networks; dlib: needs no download, fast, but poor on profiles; stored:
    me.landmarks.npy beside me.jpg."""
    face: Literal["largest", "left", "right"] | int = "largest"
    """Which of several faces is followed: the largest, the left or right one in the picture, or the
    N-th from the left, from 1."""
    crop: Crop = "auto"
    """whole: face crops already; face: cut out the face; auto: whole for VoxCeleb trees."""
    seed: int = 0
    """Draws the order of the pictures."""
    runtime: Runtime = field(default_factory=Runtime)


@dataclass(frozen=True)
class Export(Checked):
    """Write what a run has learnt into one small file (float16), to be used but not trained on."""

    checkpoint: Path
    """Run folder or checkpoint of train.py; for --format onnx also a model of this command, or a
    head of train.py finetune."""
    output: Path = field(metadata=FILE)
    """The file to write, for instance vox.pt or me.onnx; scripts take it as --checkpoint."""
    format: Literal["pt", "onnx"] = "pt"
    """pt: a small model, to be fine-tuned; onnx: a head, or a model's embedder and generator, which
    infer.py draws without PyTorch (pip install onnxscript onnxruntime)."""
    content: Content | None = None
    """What fine-tuning it compares images by; default: as in training. l1 spares its users the
    files of VGG19 and VGGFace."""


@dataclass(frozen=True)
class Infer(Checked):
    """Animate a person with the motion of a driving video."""

    checkpoint: Path
    """A head of `train.py finetune`, or a run or model (then --source is needed); also in ONNX."""
    driving: Path
    """Video, picture, folder of frames, file of landmarks (.npy), or number of a camera."""
    output: Path | None = field(default=None, metadata=FILE)
    """What to write; the suffix decides: .mp4, .mov or .webm, with the driver's sound; .gif or
    .webp; without a suffix a folder of PNG. Without it a camera's motion is shown in a window."""
    source: Path | None = None
    """Pictures of the person, for a run or model: photo, video, folder of both, or pickle."""
    shots: int = 32
    """At most this many pictures of --source are used."""
    motion: Literal["absolute", "relative", "retargeted"] = "absolute"
    """absolute: the driver's landmarks; relative: its movement, added to the source's face;
    retargeted: the driver's place and pose, with the source's shape of face."""
    smooth: float | None = None
    """Keep the driver's landmarks from trembling: 0 (as they are found) to 1; default: 0.5 for a
    camera, else 0."""
    seconds: float | None = None
    """Stop a camera after so many; default: when the window is closed, or at Ctrl-C."""
    side_by_side: bool = False
    """Show driver, landmarks and result beside each other."""
    paste_back: Literal["driver"] | Path | None = None
    """Put the moving face into a picture of the person (its path), or into the driver's frames."""
    fps: float | None = None
    """Frames per second of the result, which keeps the driver's time; default: the driver's rate.
    Where the driver has none, its tempo (25)."""
    detector: Detector = "face-alignment"
    """face-alignment: its networks; dlib: needs no download, fast, but poor on profiles; stored:
    clip.landmarks.npy beside clip.mp4."""
    face: Literal["largest", "left", "right"] | int = "largest"
    """Which of several faces is followed: the largest, the left or right one in the picture, or the
    N-th from the left, from 1."""
    crop: Crop = "auto"
    """whole: face crops already; face: cut out the face; auto: as the person's pictures were."""
    batch_size: int = 8
    """Frames generated at once."""
    runtime: Runtime = field(default_factory=Runtime)


@dataclass(frozen=True)
class App(Checked):
    """Serve a web page on which a person's pictures are learnt and animated."""

    models: tuple[Path, ...] = ()
    """Models of train.py to choose from: files, runs, or folders of files; default: those in
    models/."""
    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 lets others in, who then share this machine's time."""
    port: int = 7860
    """Port to listen on."""
    detector: Literal["face-alignment", "dlib"] = "dlib"
    """Finds the landmarks, of pictures, films and cameras."""
    longest: float = 60
    """Longest film that may drive, seconds."""
    largest: int = 200
    """Largest file that may be sent, MB."""
    most_steps: int = 200
    """Most steps of learning."""
    waiting: int = 20
    """Most jobs that may wait; one runs at a time."""
    runtime: Runtime = field(default_factory=Runtime)


@dataclass(frozen=True)
class Evaluate(Checked):
    """Measure models on people whom they have never seen. Running it again goes on."""

    checkpoint: tuple[Path, ...]
    """Runs, checkpoints or models of train.py; several are compared on the same frames."""
    data: Path
    """Folder of preprocess.py, with the largest of --shots + --held-out frames per video."""
    output: Path
    """Folder for metrics.json, table.md, sheets, figures, and the results of every video."""
    shots: tuple[int, ...] = (1, 8, 32)
    """T: pictures of a person to learn from."""
    held_out: int = 32
    """Other frames of the same video, to be judged on."""
    limit: int | None = None
    """Use at most this many videos (the paper: 50); default: all."""
    people: Literal["unseen", "any"] = "unseen"
    """unseen: leave out people of the training videos; any: take all videos."""
    finetune_steps: int | Literal["auto"] | None = None
    """As in fine-tuning; default: the paper's 40 epochs; 0: feed-forward only."""
    content: Content | None = None
    """What fine-tuning compares images by; default: as in training. l1 needs neither VGG19 nor
    VGGFace."""
    cross_reenactment: bool = True
    """Also with another person's motion, with the largest T."""
    drawn_heads: Path | None = None
    """Folder of the raw videos, if they are drawn heads: their true reenactment can be drawn."""
    arcface: Path | None = None
    """ArcFace in ONNX (w600k_r50.onnx), for CSIM, in place of dlib's network."""
    vggface: Path | None = None
    """vgg_face_dag.pth, for CSIM, and where it lies elsewhere than in training."""
    vgg19: Path | None = None
    """VGG19's weights, where they lie elsewhere than in training."""
    detector: Literal["dlib", "face-alignment", "none"] = "dlib"
    """Finds landmarks on true and generated frames alike; none: their errors are left out."""
    batch_size: int = 8
    """Frames drawn and measured at once."""
    seed: int = 0
    """Chooses videos and frames, and draws the batches of fine-tuning."""
    runtime: Runtime = field(default_factory=Runtime)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.checkpoint:
            raise ValueError("--checkpoint must name a model")
        if not self.shots or min(self.shots) < 1:
            raise ValueError(f"--shots must be at least 1, got {' '.join(map(str, self.shots))}")


@dataclass(frozen=True)
class Demo(Checked):
    """Draw heads, learn from them, and animate one that was never seen in training."""

    output: Path = Path("demo")
    """Folder for everything that the demo makes."""
    checkpoint: Path | None = None
    """A run or an exported model, instead of training one on `people` for `steps`."""
    people: int = 240
    """Drawn people to train on, one video each."""
    unseen_people: int = 6
    """Drawn people to measure on."""
    frames: int = 24
    """Frames of each drawn video; all of them are kept."""
    fps: float = 2.4
    """Frames per second of these videos: few frames from a long time show more poses."""
    driving_frames: int = 120
    """Frames of the video that drives the animation, 25 per second."""
    steps: int = 2400
    """Steps of meta-learning."""
    shots: int = 8
    """T: pictures of an unseen person to learn from."""
    held_out: int = 8
    """Further pictures of each unseen person, to measure on."""
    finetune_steps: int = 40
    """Steps of fine-tuning for each unseen person."""
    seed: int = 0
    """Draws people, frames and initial weights."""


# The demo's model learns 64-pixel drawn heads on two CPU cores in minutes. What differs from the
# paper, and why, is measured in docs/experiments/learning/what-makes-it-learn.md.
DEMO_NETWORKS = Networks(
    image_size=64,
    channels=16,
    max_channels=128,
    generator_channels=32,
    attention=False,
    spectral_norm=False,
    gain_offset=1.0,
)
DEMO_OPTIMIZATION = Optimization(
    generator_lr=1e-3, discriminator_lr=4e-4, beta1=0.5, discriminator_steps=1, decay=0.5
)
DEMO_WEIGHTS = LossWeights(adversarial_weight=0.1, matching_weight=0.1)

# 128 pixels on a small GPU, or on a CPU in hours: docs/experiments/learning/content.md.
SMALL_NETWORKS = replace(DEMO_NETWORKS, image_size=128, channels=24, max_channels=192)
# VGG19's 0.02 is for Caffe's convention, which this preset sets, and its first three layers.
SMALL_WEIGHTS = replace(DEMO_WEIGHTS, vgg19_weight=0.02, l1_weight=5.0)

PRESETS = {
    "paper": {},
    "small": {
        "networks": SMALL_NETWORKS,
        "optimization": DEMO_OPTIMIZATION,
        "weights": SMALL_WEIGHTS,
        "content": "vgg+l1",
        "vgg19_convention": "caffe",
        "face_features": "none",
        "sources": 2,
        "steps": 10_000,
        "log_every": 25,
        "sample_every": 500,
        "save_every": 500,
    },
    "demo": {
        "networks": DEMO_NETWORKS,
        "optimization": DEMO_OPTIMIZATION,
        "weights": DEMO_WEIGHTS,
        "content": "l1",
        "sources": 2,
        "steps": 2400,
        "ema": 0.995,
        "log_every": 25,
        "sample_every": 300,
        "save_every": 600,
    },
}

DEMO_PRESETS = {
    "full": {},
    "short": {
        "people": 12,
        "unseen_people": 2,
        "frames": 12,
        "driving_frames": 12,
        "steps": 12,
        "held_out": 2,
        "finetune_steps": 2,
    },
}
