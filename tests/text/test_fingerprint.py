"""What makes two failures the same."""

import pytest

from bot.text.fingerprint import fingerprint, mask

SAME = [
    ("took 1.23s", "took 45 ms"),
    ("at 2026-03-01T12:00:00.123Z", "at 2025-12-31 23:59:59"),
    ("in /home/runner/work/app/app/src/cart.py:12", "in /__w/app/app/src/cart.py:99"),
    ("in /home/runner/work/app/app/src/cart.py", "in src/cart.py"),
    ("git -C /home/runner/work/app/app log", "git -C /__w/app/app log"),
    (r"in D:\a\app\app\src\cart.ts", "in /home/runner/work/app/app/src/cart.ts"),
    ("wrote /tmp/pytest-of-root/x1/a.txt", "wrote /private/var/folders/8j/x/T/b.txt"),
    ("at 0x7f1c2a3b", "at 0xdeadbeef"),
    ("commit 1a2b3c4d5e6f", "commit ffeeddccbbaa0011"),
    ("id 52cfcdad-9afe-45a4-81d6-4deeb0d7d6a4", "id 00000000-9afe-45a4-81d6-4deeb0d7d6a5"),
    ("port 43117 in use", "port 8080 in use"),
    ("x  was\t3", "x was 4"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_differs_from_run_to_run_is_masked(one: str, other: str) -> None:
    assert mask(one) == mask(other)
    assert fingerprint("k", message=one) == fingerprint("k", message=other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("KeyError: 'a'", "KeyError: 'b'"),
        ("error TS2322: x", "error TS2304: x"),
        ("src/cart.py", "src/store.py"),
        ("the defaced facade", "the facade"),
        ("error[E0308]", "error[E0277]"),
    ],
)
def test_what_tells_failures_apart_stays(one: str, other: str) -> None:
    assert fingerprint("k", message=one) != fingerprint("k", message=other)


def test_a_fingerprint_is_versioned_and_of_fixed_length() -> None:
    value = fingerprint("a", "b", message="m" * 5000, symbols=["t"])
    assert value.startswith("v1:")
    assert len(value) == 3 + 16


def test_symbols_count_once_and_in_any_order() -> None:
    assert fingerprint("k", message="m", symbols=["a", "b"]) == fingerprint("k", message="m", symbols=["b", "a", "b"])
    assert fingerprint("k", message="m", symbols=["a"]) != fingerprint("k", message="m", symbols=["a", "b"])
    assert fingerprint("k", message="m") != fingerprint("j", message="m")
