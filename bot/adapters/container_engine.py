"""Whether a container engine answers on this machine."""

from collections.abc import Mapping
from pathlib import Path

SOCKET = "unix:///var/run/docker.sock"
TIMEOUT_SECONDS = 2.0


def engine_problem(environ: Mapping[str, str]) -> str:
    """Why no engine can be used, or the empty string. Asked as Docker's own clients do (`GET /_ping`)."""
    import httpx  # only a job that needs containers has to wait for it

    address = environ.get("DOCKER_HOST") or SOCKET
    if not address.startswith("unix://"):
        return f"the engine at {address} is on another machine"
    nobody = f"no engine answers at {address}"
    if not Path(address.removeprefix("unix://")).is_socket():
        return nobody
    try:
        with httpx.Client(transport=httpx.HTTPTransport(uds=address.removeprefix("unix://"))) as client:
            client.get("http://engine/_ping", timeout=TIMEOUT_SECONDS).raise_for_status()
    except (httpx.HTTPError, OSError):
        return nobody
    return ""
