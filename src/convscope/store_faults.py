"""What goes wrong with a store, as one kind of error: why, and what to do next."""

import errno
import re
from typing import Any

from .legible import first_line

CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ~/.aws/credentials, or the role of the machine",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS, or gcloud auth application-default login",
    "az": "AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET, az login, or the identity of the machine",
    "hdfs": "kinit, or HADOOP_USER_NAME",
}
# What `errno` is where there is nothing.
MISSING = errno.ENOENT
REFUSED = re.compile(
    r"ACCESS_DENIED|INVALID_ACCESS_KEY|SIGNATURE_DOES_NOT_MATCH|EXPIRED_?TOKEN|CLIENT_TOKEN|MISSING_AUTHENTICATION|UNRECOGNIZED_CLIENT"
    r"|NOT_SIGNED_UP|HTTP status 40[13]\b|PERMISSION_DENIED|UNAUTHENTICATED|OAuth2|DefaultAzureCredential|AuthenticationFailed"
    r"|AuthorizationFailure|InvalidAccessKey|Forbidden|Permission denied|AccessControlException"
)
SILENT = re.compile(
    r"NETWORK_CONNECTION|CURL|curlCode|resolve host|UNAVAILABLE|REQUEST_TIMEOUT|Connection refused|new connection|timed? ?out"
)
HOST = re.compile(r"(?:resolve host:|connect to) ([\w-]+(?:\.[\w-]+)+(?::\d+)?)")
NO_JAVA = re.compile(r"libjvm|libhdfs")
ELSEWHERE = re.compile(r"HTTP status 30\d|PERMANENT_?REDIRECT|AuthorizationHeaderMalformed")


class StoreError(OSError):
    """What cannot be had from a store. `strerror`: why, the end of a sentence; `advice`: the next one.

    `errno` is EINVAL for what no store can ever hold, ENOENT for what is not there, EACCES for what is refused, EIO for all else.
    """

    def __init__(self, code: int, reason: str, advice: str) -> None:
        super().__init__(code, reason)
        self.advice = advice

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what makes the same error in another process."""
        return StoreError, (self.errno, self.strerror, self.advice)


def missing() -> StoreError:
    """Return the error for a file that is not there."""
    return StoreError(MISSING, "there is no such file", "Check its name.")


def credentials(kind: str) -> str:
    """Return the sentence on where credentials come from."""
    return f"Credentials come from {CREDENTIALS[kind]}."


def fault(error: Exception, scheme: str, kind: str, bucket: str) -> StoreError:
    """Return what an error of the library means. Nothing of it that may be signed or secret is quoted."""
    text = str(error)
    if isinstance(error, ImportError | AttributeError):
        return StoreError(errno.EIO, f"this pyarrow has no reader for `{scheme}://`", "Install a newer pyarrow.")
    if NO_JAVA.search(text):
        advice = "Install Java and Hadoop, and set JAVA_HOME, HADOOP_HOME and CLASSPATH as pyarrow's page on HDFS says."
        return StoreError(errno.EIO, "pyarrow finds no libjvm or libhdfs on this machine", advice)
    if re.search(r"NO_SUCH_BUCKET|ContainerNotFound|Bucket '.*' not found|InvalidBucketName", text):
        return StoreError(errno.ENOENT, f"there is no bucket `{bucket}`", "Check its name, region and account.")
    if isinstance(error, FileNotFoundError):
        return missing()
    if REFUSED.search(text) or isinstance(error, PermissionError):
        return StoreError(errno.EACCES, "the store refuses access, or no credentials are set", credentials(kind))
    if ELSEWHERE.search(text):
        return StoreError(errno.EIO, "the bucket lies in another region", "Add ?region=NAME to the URI.")
    if SILENT.search(text):
        host = HOST.search(text)
        where = f" `{host[1]}`" if host else ""
        return StoreError(errno.EIO, f"the store{where} does not answer", "Check the network and the endpoint, and try again.")
    said = re.sub(r"\?\S*|\(?Request ID: \S+", "", first_line(error)).strip()
    return StoreError(errno.EIO, f"the store answers: {said}", "Check the URI, and try again.")
