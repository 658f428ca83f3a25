import numpy as np

from convscope.render.imagemap.hilbert import distance, hilbert_order

SIDE = 65536


def twin(x, y):
    """The textbook walk, one place at a time, on a square of 65,536."""
    far, half = 0, SIDE // 2
    while half:
        right, low = int(x & half > 0), int(y & half > 0)
        far += half * half * ((3 * right) ^ low)
        if not low:
            if right:
                x, y = SIDE - 1 - x, SIDE - 1 - y
            x, y = y, x
        half //= 2
    return far


def test_distances_are_those_of_the_slow_twin():
    cells = np.random.default_rng(0).integers(0, SIDE, (500, 2)).astype(np.uint16)
    cells[:4] = [[0, 0], [SIDE - 1, 0], [0, SIDE - 1], [SIDE - 1, SIDE - 1]]
    assert distance(cells).tolist() == [twin(int(x), int(y)) for x, y in cells]


def test_the_curve_visits_every_cell_and_only_steps_to_neighbours():
    x, y = np.meshgrid(np.arange(32), np.arange(32))
    cells = np.stack([x.ravel(), y.ravel()], axis=1).astype(np.uint16)
    assert sorted(distance(cells)) == list(range(1024))
    steps = np.abs(np.diff(cells[hilbert_order(cells)].astype(int), axis=0))
    assert (steps.sum(axis=1) == 1).all()


def test_equal_places_keep_their_order():
    assert hilbert_order(np.zeros((5, 2), np.uint16)).tolist() == [0, 1, 2, 3, 4]
    assert hilbert_order(np.zeros((0, 2), np.uint16)).tolist() == []
