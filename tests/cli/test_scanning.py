"""`convscope scan` in the shell."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

import convscope
from convscope.cli import main


def ended(arguments):
    with pytest.raises(SystemExit) as end:
        main([str(one) for one in arguments])
    return end.value.code


def test_it_prints_the_run_and_what_was_found(tmp_path, capsys):
    main(
        [
            "scan",
            "sample:fashion[0-39]",
            "-m",
            "fashion",
            "--layers",
            "block3_conv*",
            "--layers",
            "dense1",
            "--top",
            "3",
            "-o",
            str(tmp_path / "run"),
        ]
    )
    said = capsys.readouterr()
    assert said.out.strip() == str(tmp_path / "run")
    assert "40 images, 256 units of 2 layers" in said.err
    assert convscope.open_run(tmp_path / "run").top("dense1").images.shape == (128, 3)


def test_json_and_skipped_pictures(tmp_path, capsys):
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.new("L", (28, 28), 100).save(photos / "grey.png")
    (photos / "words.png").write_bytes(b"no picture")
    arguments = ["scan", str(photos), "-m", "fashion", "--layers", "dense1", "-o", str(tmp_path / "run")]
    main([*arguments, "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found.pop("silent") >= 0 and (found.pop("not_finite"), found.pop("notes")) == (0, [])
    assert found == {
        "run": str(tmp_path / "run"),
        "complete": True,
        "of": 2,
        "images": 1,
        "skipped": 1,
        "unreachable": 0,
        "layers": ["dense1"],
        "units": 128,
    }
    main(arguments)
    assert "1 image could not be read and was skipped" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--layers", "block9_*"], "No layer of `fashion` matches `block9_*`"),
        (["--layers", "block[12"], "`block[12` opens a bracket and does not close it"),
        (["--top", "0"], "from 1 to 1,000"),
        (["-o", "file"], "a file stands where a folder is expected"),
        (["-o", "full"], "holds files, but not a scan to resume"),
        (["-o", "other"], "was scanned with top 9, not 2. Use the same"),
    ],
)
def test_bad_input_ends_in_one_sentence(tmp_path, monkeypatch, capsys, more, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("")
    common = ["scan", "sample:fashion[0-1]", "-m", "fashion", "--layers", "dense1"]
    if "other" in more:
        main([*common, "-o", "other"])
        more = [*more, "--top", "2"]
    assert ended([*common, *more]) == 2
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error


@pytest.mark.long
def test_ctrl_c_keeps_what_was_reached_and_says_how_to_go_on(tmp_path):
    arrays = np.random.default_rng(0).integers(0, 255, (20_000, 28, 28), dtype=np.uint8)
    np.save(tmp_path / "many.npy", arrays)
    command = [sys.executable, "-m", "convscope", "scan", "many.npy", "-m", "fashion", "--layers", "dense1", "-o", "run"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=os.environ | {"COLUMNS": "200"})
    while len(list(tmp_path.glob("run/shards/part-*.npz"))) < 2:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said = process.communicate()[1]
    assert process.returncode == 130
    assert "images are done. The same command resumes." in said and "Traceback" not in said
    run = convscope.open_run(tmp_path / "run")
    assert not run.complete and 256 <= len(run) < 20_000
