"""What a sandbox may not ask of the kernel because no namespace divides it: a filter of system calls, for bubblewrap.

Keys of the caller's session (keyctl) and sockets to the machine's own host (vsock) are the same in every namespace;
io_uring makes sockets past any filter. Everything else is as on GitHub's runners.
"""

import struct
from collections.abc import Iterator

# Families that have a network namespace, or no network: unix, inet, inet6, netlink, packet, alg. <linux/socket.h>
FAMILIES = (1, 2, 10, 16, 17, 38)
IO_URING_SETUP = 425  # on every architecture
X32 = 0x40000000
# <linux/audit.h> AUDIT_ARCH_*: the number of socket(2), and those of what is not there at all
CALLS = {
    0xC000003E: (41, (248, 249, 250)),  # x86-64: add_key, request_key, keyctl
    0x40000003: (359, (286, 287, 288, 102)),  # i386, where socketcall(2) hides its arguments from filters
    0xC00000B7: (198, (217, 218, 219)),  # aarch64
    0x40000028: (281, (309, 310, 311)),  # arm
}
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data, <linux/seccomp.h>
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06  # <linux/bpf_common.h>
ALLOW, ENOSYS, EAFNOSUPPORT = 0x7FFF0000, 0x50026, 0x50061  # the last two: SECCOMP_RET_ERRNO with its number


def program() -> bytes:
    """The filter, as an array of struct sock_filter. On an architecture that it does not know nothing runs."""
    blocks = b"".join(_block(arch, *calls) for arch, calls in CALLS.items())
    return _one(LOAD, ARCHITECTURE) + blocks + _one(RETURN, ENOSYS)


def _block(arch: int, socket: int, absent: tuple[int, ...]) -> bytes:
    body = b"".join(_calls(socket, (*absent, IO_URING_SETUP)))
    return _one(EQUAL, arch, otherwise=len(body) // 8) + body


def _calls(socket: int, absent: tuple[int, ...]) -> Iterator[bytes]:
    yield _one(LOAD, NUMBER)
    yield _one(AT_LEAST, X32, otherwise=1) + _one(RETURN, ENOSYS)
    for number in absent:
        yield _one(EQUAL, number, otherwise=1) + _one(RETURN, ENOSYS)
    yield _one(EQUAL, socket, then=1) + _one(RETURN, ALLOW)
    yield _one(LOAD, FIRST_ARGUMENT)
    for family in FAMILIES:
        yield _one(EQUAL, family, otherwise=1) + _one(RETURN, ALLOW)
    yield _one(RETURN, EAFNOSUPPORT)


def _one(code: int, value: int, *, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("<HBBI", code, then, otherwise, value)
