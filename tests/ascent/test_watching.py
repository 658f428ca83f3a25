"""What is seen of a climb while it goes on, and kept of it, does not change the climb."""

import numpy as np
import pytest
from PIL import Image

import convscope
from convscope.errors import OptionError
from networks import awake, small
from twins import relative_error

SETTINGS = {"steps": 5, "size": 16, "precision": "float32"}


@pytest.fixture(scope="module")
def bundle():
    return convscope.load(awake(small(side=16)), preprocess="unit")


def test_frames_are_the_start_every_nth_step_and_the_end(bundle):
    found = convscope.ascend(bundle, "conv2:0-1", every=2, **SETTINGS)
    assert [len(frames) for frames in found.frames] == [4, 4]  # after 0, 2, 4 and 5 steps
    for frames, image in zip(found.frames, found.images, strict=True):
        assert np.array_equal(frames[-1], np.round(image * 255).astype("uint8"))
    shorter = convscope.ascend(bundle, "conv2:0-1", **SETTINGS | {"steps": 2})
    assert np.array_equal(found.frames[1][1], np.round(shorter.images[1] * 255).astype("uint8"))


def test_keeping_frames_does_not_change_the_picture(bundle):
    kept = convscope.ascend(bundle, "conv1:0-1", every=1, **SETTINGS)
    plain = convscope.ascend(bundle, "conv1:0-1", **SETTINGS)
    assert plain.frames == ()
    assert kept.images.tobytes() == plain.images.tobytes()


def test_who_watches_is_told_of_each_step_and_sees_the_pictures(bundle):
    seen = []
    found = convscope.ascend(bundle, "conv1:1", watch=lambda stage: seen.append((stage.step, stage.steps, stage.pictures())), **SETTINGS)
    assert [(step, steps) for step, steps, _ in seen] == [(step, 5) for step in range(1, 6)]
    assert np.array_equal(seen[-1][2], found.images)
    assert not np.array_equal(seen[0][2], found.images)


def test_an_interrupt_while_watching_keeps_what_was_reached(bundle):
    def watch(stage):
        if stage.step == 3:
            raise KeyboardInterrupt

    found = convscope.ascend(bundle, "conv1:1", watch=watch, **SETTINGS)
    assert found.interrupted
    assert (found.provenance.parameters["steps"], found.provenance.parameters["stop"]) == (5, 3)
    assert np.array_equal(found.images, convscope.ascend(bundle, "conv1:1", **SETTINGS | {"steps": 3}).images)


def test_the_course_is_written_as_an_animation_that_ends_in_the_picture(bundle, tmp_path):
    found = convscope.ascend(bundle, "conv2:0-1", every=2, **SETTINGS)
    written = found.save(tmp_path / "one.png") + found.save(tmp_path / "all")
    assert tmp_path / "all" / "conv2-1.gif" in written
    with Image.open(tmp_path / "all" / "conv2-1.gif") as course:
        assert (course.n_frames, course.info["loop"]) == (4, 0)
        course.seek(3)
        last = np.asarray(course.convert("RGB"), dtype=float)
    whole = Image.fromarray(np.round(found.images[1] * 255).astype("uint8")).resize((256, 256), Image.Resampling.BICUBIC)
    assert relative_error(last, np.asarray(whole, dtype=float)) < 0.2  # 256 colours


def test_a_single_picture_has_its_course_beside_it(bundle, tmp_path):
    written = convscope.ascend(bundle, "conv2:0", every=2, **SETTINGS).save(tmp_path / "one.png")
    assert {path.name for path in written} == {"one.png", "one.json", "one.gif"}


def test_a_job_writes_the_courses_and_misses_those_that_are_not_there(bundle, tmp_path):
    job = convscope.ascend_all(bundle, layers="conv2", every=2, **SETTINGS)
    job.save(tmp_path)
    course = tmp_path / "conv2-3.gif"
    before = course.read_bytes()
    course.unlink()
    assert [part.new for part in job.written(tmp_path)] == [True, True]
    assert course.read_bytes() == before


def test_no_step_in_between_is_refused(bundle):
    with pytest.raises(OptionError, match="`every` is 0"):
        convscope.ascend(bundle, "conv1:0", every=0)
