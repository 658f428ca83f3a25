"""Units through training: where the strongest image changes, and one start for all synthetic pictures."""

import numpy as np
import pytest

import convscope
from convscope.catalogue import DRAWINGS
from networks import images, small


@pytest.fixture(scope="module")
def pixels():
    return images(6, 8, 8, 3)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """Three checkpoints: at the second, the kernel of conv1:1 has turned its sign."""
    folder = tmp_path_factory.mktemp("checkpoints")
    for number, turn in enumerate((1, -1, -1)):
        model = small()
        kernel, bias = (np.array(one) for one in model.get_layer("conv1").get_weights())
        kernel[..., 1] *= turn
        bias[1] += 1
        model.get_layer("conv1").set_weights([kernel, bias])
        model.save(folder / f"epoch-{number}.keras")
    return sorted(folder.iterdir())


@pytest.mark.long
def test_looks_are_what_deconv_shows_of_the_strongest_image(checkpoints, pixels):
    found = convscope.evolve(checkpoints, "conv1:0-1", pixels)
    assert found.checkpoints == ("epoch-0", "epoch-1", "epoch-2")
    for row, path in zip(found.looks, checkpoints, strict=True):
        peaks = convscope.activations(path, "conv1", pixels).maps.max(axis=(1, 2))
        for one in row:
            channel = one.unit.channel
            assert one.image == int(peaks[:, channel].argmax()) and one.value == pytest.approx(peaks[:, channel].max(), rel=1e-5)
            whole = convscope.deconv(path, str(one.unit), pixels[one.image : one.image + 1]).pixels[0, 0]
            assert np.abs(whole).sum() == pytest.approx(np.abs(one.projection).sum(), rel=1e-4)
    assert not found.jumps[:, 0].any() and not found.jumps[2].any()
    assert bool(found.jumps[1, 1]) == (found.images[0, 1] != found.images[1, 1])


@pytest.mark.once
@pytest.mark.long
def test_synthetic_pictures_have_one_start_and_the_same_weights_give_the_same_picture(checkpoints, pixels):
    found = convscope.evolve(checkpoints, "conv1:1", pixels, synthetic=True, steps=4, size=8)
    pictures = [row[0].synthetic for row in found.looks]
    assert np.array_equal(pictures[1], pictures[2]) and not np.array_equal(pictures[0], pictures[1])
    words = [one.text for one in DRAWINGS.get("evolve")(found)["evolve.png"].words]
    assert "synthetic" in words and "epoch-2" in words


@pytest.mark.once
@pytest.mark.long
def test_the_picture_is_made_again_from_what_it_says(checkpoints, tmp_path):
    picture = tmp_path / "evolve.png"
    found = convscope.evolve(checkpoints[:2], "conv1:0", "sample:photos[0-3]")
    found.save(picture)
    again = convscope.replay(picture, allow=[checkpoints[0].parent])
    assert again.checkpoints == found.checkpoints and np.array_equal(again.values, found.values)


@pytest.mark.once
def test_checkpoints_of_different_networks_are_one_sentence(checkpoints, pixels):
    with pytest.raises(convscope.ConvscopeError, match="No layer `conv9`"):
        convscope.evolve(checkpoints, "conv9:0", pixels)
    with pytest.raises(convscope.ConvscopeError, match="no checkpoint"):
        convscope.evolve([], "conv1:0", pixels)
