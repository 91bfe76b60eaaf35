import base64
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from afpd.errors import SecretError
from afpd.keyring import Keyring, read_secret

ROOT = Path(__file__).parents[2]
KEYRING = Keyring.generate()


def _never() -> bool:
    return False


def _always() -> bool:
    return True


@given(some.binary(max_size=2000), some.text(max_size=40))
def test_what_is_sealed_opens_in_its_context(plain: bytes, context: str) -> None:
    sealed = KEYRING.seal(plain, context)
    assert KEYRING.open(sealed, context) == plain


def test_a_sealed_value_shows_nothing_of_what_it_holds() -> None:
    assert b"1//secret" not in KEYRING.seal(b"1//secret", "integration:17:refresh_token")


def test_the_same_value_is_never_sealed_twice_alike() -> None:
    assert KEYRING.seal(b"x", "c") != KEYRING.seal(b"x", "c")


def test_a_sealed_value_carries_version_key_id_and_nonce_before_the_ciphertext() -> None:
    sealed = KEYRING.seal(b"four", "c")
    assert sealed[:1] == b"\x01"
    assert sealed[1:5].hex() == KEYRING.key_ids[0]
    assert len(sealed) == 1 + 4 + 12 + 4 + 16


def test_a_value_that_was_moved_to_another_row_does_not_open() -> None:
    sealed = KEYRING.seal(b"hidden", "integration:17:refresh_token")
    with pytest.raises(SecretError, match="integration:18:refresh_token: does not open") as caught:
        KEYRING.open(sealed, "integration:18:refresh_token")
    assert "hidden" not in str(caught.value)
    assert caught.value.exit_code == 77


@given(some.integers(0, 1 + 4 + 12 + 6 + 16 - 1), some.integers(1, 255))
def test_a_value_with_any_byte_changed_does_not_open(place: int, change: int) -> None:
    sealed = bytearray(KEYRING.seal(b"hidden", "c"))
    sealed[place] ^= change
    with pytest.raises(SecretError):
        KEYRING.open(bytes(sealed), "c")


@given(some.binary(max_size=60))
def test_bytes_that_were_never_sealed_do_not_open(sealed: bytes) -> None:
    with pytest.raises(SecretError):
        KEYRING.open(sealed, "c")


def test_another_key_says_which_key_is_missing() -> None:
    sealed = KEYRING.seal(b"x", "c")
    with pytest.raises(SecretError, match=f"sealed with key {KEYRING.key_ids[0]}, .* put the key file .* back"):
        Keyring.generate().open(sealed, "c")


def test_a_keyring_shows_only_the_ids_of_its_keys() -> None:
    key = os.urandom(32)
    ring = Keyring([key])
    assert repr(ring) == f"Keyring({ring.key_ids[0]})"
    assert base64.b64encode(key).decode() not in repr(ring)


def test_a_created_key_file_is_the_owners_only_and_opens_again_what_it_sealed(tmp_path: Path) -> None:
    path = tmp_path / "afpd.key"
    sealed = Keyring.create(path).seal(b"x", "c")
    assert path.stat().st_mode & 0o777 == 0o600
    assert Keyring.load(path).open(sealed, "c") == b"x"
    assert list(tmp_path.iterdir()) == [path]


def test_creating_never_replaces_a_key_that_is_there(tmp_path: Path) -> None:
    path = tmp_path / "afpd.key"
    first = Keyring.create(path)
    assert Keyring.create(path).key_ids == first.key_ids


def test_after_a_rotation_the_new_key_seals_and_the_old_one_still_opens(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    sealed = Keyring.create(old).seal(b"x", "c")
    newer = Keyring.create(new)
    rotated = tmp_path / "afpd.key"
    rotated.write_text(new.read_text() + "\n" + old.read_text())
    rotated.chmod(0o600)
    ring = Keyring.load(rotated)
    assert ring.open(sealed, "c") == b"x"
    assert newer.open(ring.seal(b"y", "c"), "c") == b"y"
    assert len(ring.key_ids) == 2


def test_the_key_is_made_while_nothing_is_sealed(tmp_path: Path) -> None:
    path = tmp_path / "afpd.key"
    made = Keyring.open_or_create(path, holds_sealed=_never)
    assert Keyring.open_or_create(path, holds_sealed=_always).key_ids == made.key_ids


def test_a_missing_key_is_never_replaced_while_something_is_sealed(tmp_path: Path) -> None:
    path = tmp_path / "afpd.key"
    with pytest.raises(SecretError, match=r"afpd\.key: the encryption key does not exist, but the database holds"):
        Keyring.open_or_create(path, holds_sealed=_always)
    assert not path.exists()


def test_a_key_that_another_process_made_in_between_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "afpd.key"

    def sealed_by_another() -> bool:
        Keyring.create(path)
        return True

    assert Keyring.open_or_create(path, holds_sealed=sealed_by_another).key_ids == Keyring.load(path).key_ids


def test_a_key_link_that_leads_nowhere_is_an_error_and_no_new_key(tmp_path: Path) -> None:
    path = tmp_path / "afpd.key"
    path.symlink_to(tmp_path / "unmounted")
    with pytest.raises(SecretError, match="does not exist"):
        Keyring.open_or_create(path, holds_sealed=_never)


@pytest.mark.parametrize("content", ["", "\n", "# only a remark\n", "abcd1234 Zm9v\n", "nonsense\n", "\0\xff\n"])
def test_a_damaged_key_file_is_told_without_its_content(tmp_path: Path, content: str) -> None:
    path = tmp_path / "afpd.key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(SecretError, match=r"afpd\.key") as caught:
        Keyring.load(path)
    assert "Zm9v" not in str(caught.value)


def test_a_key_with_one_wrong_letter_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "afpd.key"
    Keyring.create(path)
    text = path.read_text().rstrip("=\n")
    path.write_text(f"{text[:-3]}{'A' if text[-3] != 'A' else 'B'}{text[-2:]}=\n")
    with pytest.raises(SecretError, match=r"afpd\.key:2: is damaged or no key"):
        Keyring.load(path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o644])
def test_a_secret_that_others_may_touch_is_refused_with_the_command_to_type(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "token"
    path.write_text("hidden")
    path.chmod(mode)
    with pytest.raises(SecretError, match=f"the token can be read by others; type: chmod 600 {path}") as caught:
        read_secret(path, "the token", environ={})
    assert "hidden" not in str(caught.value)


def test_a_secret_of_the_owner_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_bytes(b"1//x\n")
    for mode in (0o600, 0o400):
        path.chmod(mode)
        assert read_secret(path, "the token", environ={}) == b"1//x\n"


def test_a_systemd_credential_may_be_read_by_its_group_but_not_by_all(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("x")
    path.chmod(0o440)
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert read_secret(path, "the token", environ=environ) == b"x"
    path.chmod(0o444)
    with pytest.raises(SecretError, match="can be read by others"):
        read_secret(path, "the token", environ=environ)


def test_what_lies_outside_the_credentials_folder_gets_no_leave(tmp_path: Path) -> None:
    (tmp_path / "credentials").mkdir()
    path = tmp_path / "token"
    path.write_text("x")
    path.chmod(0o440)
    with pytest.raises(SecretError, match="can be read by others"):
        read_secret(path, "the token", environ={"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")})


def test_a_missing_an_empty_and_a_wrong_secret_file_are_told_apart(tmp_path: Path) -> None:
    empty, loop, large = tmp_path / "empty", tmp_path / "loop", tmp_path / "large"
    empty.touch(0o600)
    loop.symlink_to(loop)
    large.touch(0o600)
    large.write_bytes(b"x" * ((1 << 20) + 1))
    told = {
        tmp_path / "none": "the token does not exist",
        empty: "the token is empty",
        loop: "the token cannot be read",
        tmp_path: "the token cannot be read",
        large: "the token is too large",
    }
    for path, words in told.items():
        with pytest.raises(SecretError, match=f"{path}: {words}"):
            read_secret(path, "the token", environ={})


def test_a_folder_that_does_not_take_the_key_is_told(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match=r"afpd\.key: cannot be written"):
        Keyring.create(tmp_path / "missing" / "afpd.key")


def test_processes_that_create_at_once_end_with_one_key(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib\nfrom afpd.keyring import Keyring\nsys.stdin.read(1)\n"
        "for n in range(30): print(Keyring.create(pathlib.Path(sys.argv[1], str(n))).key_ids[0])"
    )
    start = [sys.executable, "-c", program, str(tmp_path)]
    processes = [
        subprocess.Popen(start, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(3)
    ]
    answers = {process.communicate("x", timeout=60)[0] for process in processes}
    assert len(answers) == 1
    assert len(answers.pop().split()) == 30


def test_a_kill_never_leaves_half_a_key(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib, itertools\nfrom afpd.keyring import Keyring\nprint(flush=True)\n"
        "for n in itertools.count(): Keyring.create(pathlib.Path(sys.argv[1], f'{n}.key'))"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.2)
        process.send_signal(signal.SIGKILL)
    made = [path for path in tmp_path.glob("*.key") if not path.name.startswith(".")]
    assert made
    assert all(len(Keyring.load(path).key_ids) == 1 for path in made)
