"""`g3n login` and `logout`, and which profile a command uses."""

import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from schemas.problems import Code
from tests.terminal.server import Asked, Reply, in_turn, problem
from tests.terminal.shell import KEY, Shell, by_example

LIST = ("customer", "list", "--json")


@pytest.fixture
def bare(shell: Shell) -> Shell:
    """A shell that knows of no API."""
    shell.environment.clear()
    return shell


def login(shell: Shell, *words: str, key: str = KEY) -> None:
    done = shell.g3n("login", "--url", shell.api.url, "--orgcode", "acme", "--key", "-", *words, stdin=f"{key}\n")
    assert done.code == 0, done.err


def profiles(shell: Shell) -> Mapping[str, Mapping[str, str]]:
    kept: Mapping[str, Mapping[str, str]] = tomllib.loads(shell.config.read_text())["profile"]
    return kept


def test_login_asks_the_api_and_keeps_it_for_its_owner_only(bare: Shell) -> None:
    done = bare.g3n("login", "--url", f" {bare.api.url}/ ", "--orgcode", "acme", "--key", "-", stdin=f"{KEY}\n")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        f"Logged in to acme at {bare.api.url}; the profile default is in {bare.config}.\n"
        "The key may: customer:read, loyalty:read\n"
    )
    assert profiles(bare) == {"default": {"url": bare.api.url, "orgcode": "acme", "key": KEY}}
    assert stat.S_IMODE(bare.config.stat().st_mode) == 0o600
    assert stat.S_IMODE(bare.config.parent.stat().st_mode) == 0o700
    assert list(bare.config.parent.iterdir()) == [bare.config]
    assert [(asked.route, asked.headers["x-api-key"]) for asked in bare.api.asked] == [
        ("/session/create", KEY),
        ("/session/revoke", KEY),
    ]
    assert bare.crm(*LIST).code == 0
    assert bare.api.asked[-1].headers["x-api-key"] == KEY


def test_a_key_that_is_refused_is_not_kept(bare: Shell) -> None:
    bare.api.answer = in_turn(problem(Code.UNAUTHORIZED, "credentials_not_accepted", "no such key"))
    done = bare.g3n("login", "--url", bare.api.url, "--orgcode", "acme", "--key", "wrong")
    assert (done.code, bare.config.exists()) == (4, False)
    assert "wrong" not in done.err


def test_a_session_that_can_not_be_ended_ends_by_itself(bare: Shell) -> None:
    def answer(asked: Asked) -> Reply:
        if asked.route == "/session/revoke":
            return problem(Code.UNAVAILABLE, "unavailable", "", Retry_After="3600")
        return by_example(asked)

    bare.api.answer = answer
    login(bare)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--url", "ftp://x", "--orgcode", "acme"), "the API's URL begins with http:// or https://"),
        (("--url", "https://café", "--orgcode", "acme"), "the API's URL begins with http:// or https://"),
        (("--url", "https://x", "--orgcode", "ACME"), "the orgcode has 1 to 32 characters"),
        (("--url", "https://x", "--orgcode", "acme", "--profile", "a b"), "a profile's name has 1 to 64"),
        (("--orgcode", "acme"), "--url: missing, and there is no terminal to ask at"),
        (("--url", "https://x"), "--orgcode: missing, and there is no terminal to ask at"),
    ],
)
def test_logins_that_fail(bare: Shell, words: tuple[str, ...], said: str) -> None:
    done = bare.g3n("login", *words, "--key", "k")
    assert (done.code, done.out) == (2, "")
    assert said in done.err.replace("Invalid value for '--url'", "--url").replace(
        "Invalid value for '--orgcode'", "--orgcode"
    )
    assert not bare.config.exists()


def test_without_a_terminal_the_key_is_an_option(bare: Shell) -> None:
    done = bare.g3n("login", "--url", bare.api.url, "--orgcode", "acme")
    assert done.code == 2
    assert "--key" in done.err


def test_profiles_beside_each_other(bare: Shell) -> None:
    login(bare)
    login(bare, "--profile", "test", key="k-test")
    assert sorted(profiles(bare)) == ["default", "test"]
    for words, variables, key in [
        ((), {}, KEY),
        (("--profile", "test"), {}, "k-test"),
        ((), {"G3N_PROFILE": "test"}, "k-test"),
        (("--profile", "default"), {"G3N_PROFILE": "test"}, KEY),
        ((), {"G3N_API_KEY": "k-env"}, "k-env"),
        (("--profile", "test"), {"G3N_API_KEY": "k-env"}, "k-test"),
    ]:
        bare.environment = dict(variables)
        assert bare.crm(*LIST, *words).code == 0
        assert bare.api.asked[-1].headers["x-api-key"] == key, (words, variables)


def test_logout_forgets_one(bare: Shell) -> None:
    login(bare)
    login(bare, "--profile", "test")
    done = bare.g3n("logout", "--profile", "test")
    assert (done.code, done.out) == (0, "The profile test is forgotten.\n")
    assert sorted(profiles(bare)) == ["default"]
    assert stat.S_IMODE(bare.config.stat().st_mode) == 0o600
    again = bare.g3n("logout", "--profile", "test")
    assert (again.code, again.err) == (2, "g3n: there is no profile test\n")


def test_nowhere_to_ask(bare: Shell) -> None:
    bare.environment = {"G3N_ORGCODE": "acme"}
    done = bare.crm(*LIST)
    assert (done.code, done.out) == (2, "")
    assert done.err == ("g3n: it is not known where the API is: run g3n login, or set G3N_API_URL, G3N_API_KEY\n")
    login(bare)
    unknown = bare.crm(*LIST, "--profile", "tset")
    assert unknown.err == ("g3n: there is no profile tset (known: default): run g3n login --profile tset\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"profile = [", "is not TOML (TOMLDecodeError): correct it"),
        (b"\xff\xfe", "is not TOML (UnicodeDecodeError): correct it"),
        (b"profile = 3", "it is not known where the API is"),
        (b"[profile.default]\nurl = 'https://x'\n", "the profile default is not whole: run g3n login"),
        (b"[profile.default]\nurl = 'x'\norgcode = 'acme'\nkey = 'secret'\n", "the API's URL begins with"),
        (b"[profile.default]\nurl = 1\norgcode = 'acme'\nkey = 'secret'\n", "the profile default is not whole"),
    ],
)
def test_a_file_that_is_broken(bare: Shell, text: bytes, said: str) -> None:
    bare.config.parent.mkdir(parents=True)
    bare.config.write_bytes(text)
    bare.config.chmod(0o600)
    done = bare.crm(*LIST)
    assert done.code == 2
    assert said in done.err
    assert "secret" not in done.err
    assert bare.config.read_bytes() == text


def test_a_broken_file_is_not_written_over(bare: Shell) -> None:
    bare.config.parent.mkdir(parents=True)
    bare.config.write_text("[profile.other\n")
    done = bare.g3n("login", "--url", bare.api.url, "--orgcode", "acme", "--key", "k")
    assert (done.code, bare.config.read_text()) == (2, "[profile.other\n")


def test_a_profile_written_by_hand_stays_readable(bare: Shell) -> None:
    bare.config.parent.mkdir(parents=True)
    bare.config.write_text(
        '[profile."by hand \\" 😀"]\nurl = "https://x"\norgcode = "acme"\nkey = "k"\n"own \\u007f" = "é"\n'
    )
    before = profiles(bare)
    login(bare)
    assert profiles(bare) == {**before, "default": {"url": bare.api.url, "orgcode": "acme", "key": KEY}}


def test_a_file_that_others_could_read_is_made_private_and_told(bare: Shell) -> None:
    login(bare)
    bare.config.chmod(0o644)
    done = bare.crm(*LIST)
    assert done.code == 0
    assert done.err == (
        f"g3n: {bare.config} could be read by others; now only by you. Rotate the keys if that matters.\n"
    )
    assert stat.S_IMODE(bare.config.stat().st_mode) == 0o600


def test_a_link_stays_a_link(bare: Shell, tmp_path: Path) -> None:
    kept = tmp_path / "dotfiles.toml"
    kept.touch(0o600)
    bare.config.parent.mkdir(parents=True)
    bare.config.symlink_to(kept)
    login(bare)
    assert bare.config.is_symlink()
    assert "default" in kept.read_text()


def test_a_key_in_clear_is_told(bare: Shell) -> None:
    foreign = bare.api.url.replace("127.0.0.1", "2130706433")  # the same place, by a name that does not say so
    done = bare.g3n("login", "--url", foreign, "--orgcode", "acme", "--key", "k")
    assert (done.code, done.err) == (0, "g3n: http:// shows the key to the network; use https://\n")


def test_a_folder_that_can_not_be_written(bare: Shell, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file, where a folder should be")
    done = bare.g3n("login", "--url", bare.api.url, "--orgcode", "acme", "--key", "k")
    assert (done.code, done.out) == (2, "")
    assert "config.toml: Not a directory" in done.err


def test_a_config_with_a_byte_order_mark(bare: Shell) -> None:
    login(bare)
    bare.config.write_bytes(b"\xef\xbb\xbf" + bare.config.read_bytes())
    assert bare.crm("customer", "list").code == 0
