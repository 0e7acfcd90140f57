"""What a file of ONNX holds beside its graph; known without PyTorch."""

HEAD, MODEL = "talking head", "talking-head model"  # its kinds
FORMAT = 1
OPSET = 18
PREFIX = "talking_head."  # of its metadata, whose values are JSON


class Names:
    """Of the graph's inputs and outputs; a head's has none of pictures and styles."""

    PICTURES = "pictures"
    PICTURE_LANDMARKS = "picture_landmarks"
    LANDMARKS = "landmarks"
    STYLE = "style"

    PICTURE_STYLES = "picture_styles"
    FRAMES = "frames"
    IMAGE = "image"
