"""`check-config` and the till: what a machine alone can tell, and what asking the shop shows."""

from pathlib import Path

import pytest

from tests.operator.processes import cli
from tests.operator.theatre import Stage, stage

HTTP = 'kind = "http"\nurl = "{url}"\nsigning_secret = "whsec_' + "A" * 40 + '"'


@pytest.mark.parametrize(
    ("till", "words"),
    [
        ('kind = "folder"\npath = "/nowhere/at/all"', "does not exist"),
        ('kind = "command"\nargv = ["/nowhere/till"]', "can not be found"),
        ('kind = "plugin"\nname = "no-such-till"', "No till named no-such-till is installed"),
    ],
)
def test_a_till_that_can_not_be_there_is_named_before_anything_starts(
    till: str, words: str, tmp_path: Path
) -> None:
    """One sentence with the remedy, exit code 78, for the check and for the start alike."""
    with stage(tmp_path) as play:
        config = play.config(till=till)
        code, _, err = cli("check-config", "--config", config)

        assert code == 78
        assert words in err


def test_a_plug_in_that_is_missing_ends_the_start_with_a_sentence(tmp_path: Path) -> None:
    """It is no crash: the operator corrects [till] (78), and systemd does not hammer it."""
    with stage(tmp_path) as play:
        code, out, _ = cli("run", "--config", play.config(till='kind = "plugin"\nname = "none"'))

    assert code == 78
    assert "till.unusable" in out


def test_asking_the_till_shows_whether_it_answers(tmp_path: Path) -> None:
    """Nothing listens: 78 and the address. A folder that is there answers."""
    with stage(tmp_path) as play:
        code, _, err = cli("check-config", "--online", "--config", nobody(play))
        assert (code, "nothing listens there" in err) == (78, True)

        bills = tmp_path / "bills"
        bills.mkdir()
        config = play.config(till=f'kind = "folder"\npath = "{bills}"')
        code, out, _ = cli("check-config", "--online", "--config", config)
        assert (code, "The folder till answers" in out) == (0, True)


def nobody(play: Stage) -> Path:
    """Settings whose till nobody answers for."""
    return play.config(till=HTTP.format(url="http://127.0.0.1:1/shop"))
