"""Small clips to test with."""

import av
import numpy as np
from PIL import Image


def moving(count=6, side=16, step=2, seed=0):
    """Frames [T, H, W, 3] of a bright square that goes to the right by `step`, to the left below 0."""
    draw = np.random.default_rng(seed)
    frames = np.full((count, side, side, 3), 40, np.uint8)
    at, top = int(draw.integers(side)), int(draw.integers(side - 4))
    for frame in frames:
        frame[top : top + 4, [(at + k) % side for k in range(4)]] = 250
        at += step
    return frames


def write_video(path, frames, rate=10, codec="mpeg4"):
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=rate, width=frames.shape[2], height=frames.shape[1])
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame)))
        file.mux(stream.encode())
    return path


def write_folder(path, frames):
    path.mkdir(parents=True)
    for k, frame in enumerate(frames, 1):
        Image.fromarray(frame).save(path / f"frame{k}.png")
    return path


def write_strip(path, frames):
    Image.fromarray(np.concatenate(list(frames), 1)).save(path)
    return path


def write_gif(path, frames, milliseconds=100):
    first, *rest = [Image.fromarray(frame) for frame in frames]
    first.save(path, save_all=True, append_images=rest, duration=milliseconds, loop=0)
    return path


def planar(frames):
    """[T, 3, H, W]."""
    return frames.transpose(0, 3, 1, 2)
