"""Procedural images of ten glyphs: every image is drawn here from a seed, no outside data.

A glyph is a set of straight strokes in the square [-1, 1] x [-1, 1] (x right, y down). It is
shifted, turned, scaled and sheared at random, drawn with a random stroke width and brightness, and
disturbed by a stray stroke, an occluding rectangle and noise, so that a small network reaches
93 to 99 %.
"""

import numpy as np

SIDE = 16
CLASSES = 10
LEVELS = 16  # grey levels that are kept: 4 bits of noise compress to half the size
CHUNK = 1000  # images that are drawn at once; bounds the memory of the distance maps


def _polyline(*points):
    return [(*start, *end) for start, end in zip(points, points[1:])]


def _ring(radius, corners):
    angles = 2 * np.pi * np.arange(corners + 1) / corners
    return _polyline(*[(radius * np.cos(a), radius * np.sin(a)) for a in angles])


GLYPHS = [
    _ring(0.8, 8),
    _polyline((-0.7, -0.7), (0.7, -0.7), (0.7, 0.7), (-0.7, 0.7), (-0.7, -0.7)),
    _polyline((0.0, -0.8), (0.8, 0.7), (-0.8, 0.7), (0.0, -0.8)),
    _polyline((0.0, -0.8), (0.0, 0.8)) + _polyline((-0.8, 0.0), (0.8, 0.0)),
    _polyline((-0.7, -0.7), (0.7, 0.7)) + _polyline((-0.7, 0.7), (0.7, -0.7)),
    _polyline((-0.7, -0.7), (0.7, -0.7), (-0.7, 0.7), (0.7, 0.7)),
    _polyline((-0.7, -0.7), (0.7, -0.7)) + _polyline((0.0, -0.7), (0.0, 0.8)),
    _polyline((-0.7, -0.8), (-0.7, 0.8))
    + _polyline((0.7, -0.8), (0.7, 0.8))
    + _polyline((-0.7, 0.0), (0.7, 0.0)),
    _polyline((-0.8, -0.7), (0.0, 0.8), (0.8, -0.7)),
    _polyline((-0.6, -0.8), (-0.6, 0.7), (0.7, 0.7)) + _polyline((-0.6, -0.1), (0.4, -0.1)),
]


def _padded_glyphs():
    """Strokes as one array [CLASSES, strokes, 4]; a repeated stroke changes nothing."""
    longest = max(len(strokes) for strokes in GLYPHS)
    return np.array([(strokes * longest)[:longest] for strokes in GLYPHS], np.float64)


def _transforms(rng, count):
    """Random affine maps: matrix [count, 2, 2] and shift [count, 2] in pixels."""
    angle = rng.uniform(-0.35, 0.35, count)
    scale = rng.uniform(4.2, 6.4, (count, 2)) * rng.uniform(0.9, 1.1, (count, 1))
    shear = rng.uniform(-0.25, 0.25, count)
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.stack([np.stack([cos, -sin], 1), np.stack([sin, cos], 1)], 1)
    slant = np.zeros((count, 2, 2))
    slant[:, 0, 0] = slant[:, 1, 1] = 1
    slant[:, 0, 1] = shear
    shift = rng.uniform(-2.0, 2.0, (count, 2)) + (SIDE - 1) / 2
    return (turn @ slant) * scale[:, None, :], shift


def _coverage(strokes, width):
    """Share of every pixel that the strokes cover: [count, strokes, 4] -> [count, SIDE, SIDE]."""
    grid = np.arange(SIDE, dtype=np.float64)
    px, py = grid[None, None, None, :], grid[None, None, :, None]
    x0, y0, x1, y1 = (strokes[..., k, None, None] for k in range(4))
    dx, dy = x1 - x0, y1 - y0
    along = ((px - x0) * dx + (py - y0) * dy) / (dx * dx + dy * dy + 1e-12)
    along = np.clip(along, 0, 1)
    distance = np.hypot(px - x0 - along * dx, py - y0 - along * dy).min(axis=1)
    return np.clip(width[:, None, None] / 2 - distance + 0.5, 0, 1)


def _glyph_masks(rng, labels):
    matrix, shift = _transforms(rng, len(labels))
    ends = _padded_glyphs()[labels].reshape(len(labels), -1, 2)
    strokes = (ends @ matrix.transpose(0, 2, 1) + shift[:, None, :]).reshape(len(labels), -1, 4)
    return _coverage(strokes, rng.uniform(1.0, 2.2, len(labels)))


def _stray_masks(rng, count):
    """One short random stroke for every image; four in ten stay without."""
    start = rng.uniform(0, SIDE, (count, 2))
    end = start + rng.uniform(-6, 6, (count, 2))
    strokes = np.concatenate([start, end], 1)[:, None, :]
    present = rng.uniform(size=count) < 0.6
    return _coverage(strokes, rng.uniform(0.8, 1.6, count)) * present[:, None, None]


def _occlusion_masks(rng, count):
    """One rectangle of 3 to 5 pixels for every second image."""
    corner = rng.integers(0, SIDE - 3, (count, 2))
    size = rng.integers(3, 6, (count, 2)) * (rng.uniform(size=(count, 1)) < 0.5)
    grid = np.arange(SIDE)
    inside = (grid >= corner[..., None]) & (grid < (corner + size)[..., None])
    return inside[:, 0, :, None] & inside[:, 1, None, :]


def _draw(rng, labels, channels):
    count = len(labels)
    glyph = _glyph_masks(rng, labels)[..., None]
    stray = _stray_masks(rng, count)[..., None]
    hidden = _occlusion_masks(rng, count)[..., None]
    shape = (count, 1, 1, channels)
    back = rng.uniform(0.0, 0.35, shape)
    # A common bright part keeps the strokes of a colour image apart from its background.
    ink = rng.uniform(0.45, 0.65, (count, 1, 1, 1)) + rng.uniform(0.0, 0.35, shape)
    image = back + (ink - back) * np.maximum(glyph, 0.8 * stray)
    image = np.where(hidden, rng.uniform(0.0, 0.8, shape), image)
    image += rng.normal(0, 0.04, image.shape)
    steps = np.rint(np.clip(image, 0, 1) * (LEVELS - 1))
    return (steps * (255 // (LEVELS - 1))).astype(np.uint8)


def make(seed, count, channels):
    """Images uint8 [count, channels, SIDE, SIDE] in 0..255 and labels int64 [count]."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(count) % CLASSES).astype(np.int64)
    parts = [_draw(rng, labels[i : i + CHUNK], channels) for i in range(0, count, CHUNK)]
    return np.concatenate(parts).transpose(0, 3, 1, 2).copy(), labels
