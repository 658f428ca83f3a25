"""The page of a dossier: everything is inside, words are words."""

import base64
import io
import re
from dataclasses import replace

import numpy as np
import records
from PIL import Image

from convscope.catalogue import DRAWINGS
from convscope.render.pixels import unit_to_rgb


def page(result):
    return DRAWINGS.get("dossier")(result)["dossier.html"]


def test_everything_is_inside_and_nothing_is_asked_for():
    text = page(records.dossier())
    assert set(re.findall(r'(?:src|href)="([a-z]+:)', text)) == {"data:"}
    assert "<script" not in text and "http" not in text.replace('http-equiv="', "")
    assert not re.search(r"\$[a-z]", text)


def test_the_pictures_are_the_record():
    result = records.dossier()
    found = [np.asarray(Image.open(io.BytesIO(base64.b64decode(one)))) for one in re.findall(r"<img[^>]*base64,([^\"]+)", page(result))]
    assert len(found) == 1 + 4 * 9 + 1  # patches, projections, what is seen through, projections without switches
    assert (found[0] == unit_to_rgb(result.synthetic)).all()
    assert (found[1] == unit_to_rgb(result.patches.pixels[0, 3:, 3:])).all()
    assert (found[-1] == unit_to_rgb(result.example)).all()


def test_words_of_strangers_are_no_markup():
    evil = '<img src=x onerror="alert(1)">'
    result = records.dossier(class_means={evil: 1.0}, class_top={evil: 1.0})
    text = page(replace(result, dataset=evil, notes=(evil,), patches=replace(result.patches, names=(evil,) * 9, labels=(evil,) * 9)))
    assert "<img src=x" not in text and "&lt;img src=x" in text


def test_a_silent_unit_is_said_to_be_silent():
    silent = records.dossier(patches=records.patches(fires=0), score=0.0, fires=0.0)
    text = page(silent)
    assert "silent" in text and "fires on none of the 2,000 images" in text and "did not excite" in text
    assert text.count("<img") == 1 and 'histogram"' not in text


def test_the_table_lists_what_excites_it():
    assert page(records.dossier(patches=records.patches(fires=4))).count("<tr><td>") == 4


def test_a_dark_one_opens_dark():
    assert 'id="as-dark" checked' in page(records.dossier(theme="dark")) and 'id="as-auto" checked' in page(records.dossier())


def test_the_first_picture_that_is_there_has_the_receptive_field():
    result = records.dossier(patches=records.patches(missing=(0,)))
    text = page(result)
    assert text.count("<img") == 1 + 4 * 8 + 1
    assert "24 x 24 px · image 1.jpg" in text


def test_classes_of_the_strongest_images_are_shown_before_others():
    means = {f"class {index:02d}": 20.0 - index for index in range(17)}
    text = page(records.dossier(class_means=means, class_top={"class 16": 1.0}))
    assert "Class mix: 10 of 17 classes" in text
    assert "class 08" in text and "class 09" not in text and "class 16" in text


def test_columns_of_which_nothing_is_known_are_left_out():
    patches = replace(records.patches(), labels=(None,) * 9, positions=np.full((9, 2), -1))
    text = page(records.dossier(patches=patches))
    assert "row, column" not in text and ">class<" not in text and "row, column" in page(records.dossier())
