"""A face detector made on the spot: YuNet's interface around one rule, that what is warm in colour is a face.

Real OpenCV loads it as it loads the real model, so everything around a detector is proved without shipping one.
It finds `agent.surveillance.egress.faces.drawn_face` and people's skin, and never a grey wall.
"""

import struct
from collections.abc import Iterable
from math import log
from pathlib import Path

import numpy as np

STRIDES = (8, 16, 32)
FACE_PX = 64
"""Every face it finds is so large."""
COLD = -20.0


def write_model(path: Path, *, finds: bool = True) -> Path:
    """The model as a file at *path*; one that finds nothing at all unless *finds*."""
    nodes: list[bytes] = []
    tensors: list[bytes] = []
    outputs: list[bytes] = []
    for stride in STRIDES:
        warm = np.zeros((1, 3, stride, stride), np.float32)
        bias = COLD
        if stride == 16 and finds:
            warm[0, 0], warm[0, 2] = -0.25 / stride**2, 0.25 / stride**2  # red less blue, mean of the cell
            bias = -8.0
        size = log(FACE_PX / stride)
        heads: list[tuple[str, np.ndarray, list[float]]] = [
            ("cls", warm, [bias]),
            ("obj", np.zeros_like(warm), [-COLD]),
            ("bbox", np.zeros((4, 3, stride, stride), np.float32), [0.5, 0.5, size, size]),
            ("kps", np.zeros((10, 3, stride, stride), np.float32), [0.0] * 10),
        ]
        for head, weights, biases in heads:
            name = f"{head}_{stride}"
            tensors += [_tensor(f"{name}.w", weights), _tensor(f"{name}.b", np.array(biases, np.float32))]
            ints = [_ints("kernel_shape", [stride, stride]), _ints("strides", [stride, stride])]
            nodes.append(_node("Conv", ["input", f"{name}.w", f"{name}.b"], f"{name}.c", ints))
            if head in ("cls", "obj"):
                nodes.append(_node("Sigmoid", [f"{name}.c"], name))
            else:
                nodes.append(_node("Transpose", [f"{name}.c"], name, [_ints("perm", [0, 2, 3, 1])]))
            cells, values = 640 // stride, len(biases)
            shape = (1, 1, cells, cells) if values == 1 else (1, cells, cells, values)
            outputs.append(_value(name, shape))
    graph = b"".join(
        [
            *(_bytes(1, node) for node in nodes),
            _bytes(2, b"warm"),
            *(_bytes(5, tensor) for tensor in tensors),
            _bytes(11, _value("input", (1, 3, 640, 640))),
            *(_bytes(12, output) for output in outputs),
        ]
    )
    path.write_bytes(_number(1, 7) + _bytes(7, graph) + _bytes(8, _number(2, 11)))
    return path


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _node(kind: str, inputs: Iterable[str], output: str, attributes: Iterable[bytes] = ()) -> bytes:
    names = b"".join(_bytes(1, name.encode()) for name in inputs)
    named = names + _bytes(2, output.encode()) + _bytes(3, f"{output}.n".encode()) + _bytes(4, kind.encode())
    return named + b"".join(_bytes(5, attribute) for attribute in attributes)


def _ints(name: str, values: Iterable[int]) -> bytes:
    return _bytes(1, name.encode()) + b"".join(_number(8, value) for value in values) + _number(20, 7)


def _tensor(name: str, values: np.ndarray) -> bytes:
    dims = b"".join(_number(1, size) for size in values.shape)
    raw = struct.pack(f"<{values.size}f", *values.ravel())
    return dims + _number(2, 1) + _bytes(8, name.encode()) + _bytes(9, raw)


def _value(name: str, shape: tuple[int, ...]) -> bytes:
    dims = b"".join(_bytes(1, _number(1, size)) for size in shape)
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, _number(1, 1) + _bytes(2, dims)))
