"""What a head's file of ONNX holds beside its graph; known without PyTorch."""

KIND, FORMAT = "talking head", 1
OPSET = 18
PREFIX = "talking_head."  # of its metadata, whose values are JSON


class Names:
    """Of the graph's input and outputs."""

    LANDMARKS = "landmarks"
    FRAMES = "frames"
    IMAGE = "image"
