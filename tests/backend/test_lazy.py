"""Whatever needs Keras first, it is imported with the backend chosen and without the framework's chatter."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.once

FIRST = [
    pytest.param("from convscope.backend import device_name; device_name()", marks=pytest.mark.long),
    "from convscope.models import applications; applications.cache_folder()",  # a class without -m looks there for networks
]


@pytest.mark.long
@pytest.mark.parametrize("code", FIRST)
def test_the_framework_starts_without_a_word(code):
    quiet = {"TF_CPP_MIN_LOG_LEVEL", "GRPC_VERBOSITY"}
    environment = {name: value for name, value in os.environ.items() if name not in quiet}
    code = f"{code}; import os, keras; assert os.environ['KERAS_BACKEND'] == keras.config.backend()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
