"""The library calls that wait for something outside the process, by qualified name.

Sources: the documentation of each package: requests, httpx, urllib3, boto3, google-cloud-storage,
minio, openai, anthropic, stripe, twilio, sendgrid, paramiko, and Python's own urllib, smtplib,
ftplib, subprocess, os and time.
"""

from __future__ import annotations

_FUNCTIONS = frozenset(
    {
        "os.system",
        "subprocess.call",
        "subprocess.check_call",
        "subprocess.check_output",
        "subprocess.run",
        "time.sleep",
        "urllib.request.urlopen",
        "urllib.request.urlretrieve",
    }
)
_VERBS = frozenset({"delete", "get", "head", "options", "patch", "post", "put", "request", "send"})
# Where those verbs ask a server: a package's functions, and what its clients are made by.
_HTTP = (
    "requests",
    "requests.Session()",
    "requests.session()",
    "requests.sessions.Session()",
    "httpx",
    "httpx.Client()",
    "urllib3",
    "urllib3.PoolManager()",
)
# Clients all of whose methods ask a server.
_CLIENTS = (
    "anthropic.Anthropic().",
    "boto3.client().",
    "boto3.resource().",
    "ftplib.FTP().",
    "google.cloud.storage.Client().",
    "minio.Minio().",
    "openai.AzureOpenAI().",
    "openai.ChatCompletion.",
    "openai.Completion.",
    "openai.OpenAI().",
    "paramiko.SSHClient().",
    "sendgrid.SendGridAPIClient().",
    "smtplib.SMTP().",
    "smtplib.SMTP_SSL().",
    "stripe.",
    "twilio.rest.Client().",
)
_PACKAGES = frozenset(
    name.partition(".")[0].rstrip("()") for name in (*_FUNCTIONS, *_HTTP, *_CLIENTS)
)


def is_slow(name: str) -> bool:
    """Tell whether a call waits for something outside the process.

    Args:
        name: the callee's qualified name, such as ``requests.Session().post``.
    """
    if name.partition(".")[0] not in _PACKAGES:
        return False
    owner, _, last = name.rpartition(".")
    if name in _FUNCTIONS or (owner in _HTTP and last in _VERBS):
        return True
    return name.startswith(_CLIENTS) and last != "close"
