"""Files written as a whole: their names, permissions, links and leftovers."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ipycolorize.files import _sweep, check_free, create, free_name, replacing

posix = pytest.mark.skipif(os.name == "nt", reason="permissions and links of POSIX")


def write(path, text, **options):
    with replacing(path, **options) as part:
        part.write_text(text)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_free_name_is_the_name_itself_and_then_counts(tmp_path):
    path = tmp_path / "china.png"
    for name in ("china.png", "china (2).png", "china (3).png"):
        assert free_name(path) == tmp_path / name
        free_name(path).touch()


@posix
def test_a_link_to_nowhere_has_a_name_too(tmp_path):
    (tmp_path / "a.json").symlink_to(tmp_path / "unplugged" / "a.json")
    assert free_name(tmp_path / "a.json").name == "a (2).json"


@pytest.mark.parametrize("letter", ["a", "é", "塔"])
def test_a_free_name_fits_into_a_file_system(tmp_path, letter):
    size = len(letter.encode())
    path = tmp_path / f"{letter * (251 // size)}.png"
    path.touch()
    free = free_name(path)
    assert free != path
    assert free.name.endswith(" (2).png")
    free.touch()
    assert free_name(path).name.endswith(" (3).png")


def test_a_file_appears_whole_and_nothing_else(tmp_path):
    write(tmp_path / "a.txt", "one")
    write(tmp_path / "a.txt", "two")
    assert (tmp_path / "a.txt").read_text() == "two"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_failure_leaves_everything_as_it_was(tmp_path, overwrite):
    if overwrite:
        (tmp_path / "a.txt").write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / "a.txt", overwrite=overwrite) as part:
        part.write_text("half")
        1 / 0  # noqa: B018 - raises
    assert names(tmp_path) == (["a.txt"] if overwrite else [])
    assert not overwrite or (tmp_path / "a.txt").read_text() == "old"


def test_what_is_there_is_refused_before_anything_is_written(tmp_path):
    (tmp_path / "a.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"a\.txt exists already: choose another, .* overwrite=True"):
        write(tmp_path / "a.txt", "yours", overwrite=False)
    assert (tmp_path / "a.txt").read_text() == "mine"
    assert names(tmp_path) == ["a.txt"]


def test_a_new_file_is_created_once(tmp_path):
    create(tmp_path / "a.bin", b"one")
    with pytest.raises(FileExistsError, match=r"a\.bin exists already"):
        create(tmp_path / "a.bin", b"two")
    assert (tmp_path / "a.bin").read_bytes() == b"one"


def test_what_comes_meanwhile_is_refused_too(tmp_path):
    with pytest.raises(FileExistsError), replacing(tmp_path / "a.txt", overwrite=False) as part:
        part.write_text("yours")
        (tmp_path / "a.txt").write_text("mine")
    assert (tmp_path / "a.txt").read_text() == "mine"
    assert names(tmp_path) == ["a.txt"]


@posix
@pytest.mark.parametrize("links", [True, False])
def test_of_many_writers_one_wins_and_the_others_know(tmp_path, links, monkeypatch):
    if not links:  # as on FAT
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(PermissionError(1, "no links")))
    outcomes = []

    def run(number):
        try:
            write(tmp_path / "a.txt", str(number), overwrite=False)
            outcomes.append(number)
        except FileExistsError:
            pass

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if links:
        assert len(outcomes) == 1
    assert int((tmp_path / "a.txt").read_text()) in outcomes
    assert names(tmp_path) == ["a.txt"]


def test_all_that_are_there_are_named_with_the_remedy(tmp_path):
    paths = [tmp_path / name for name in ("a.csv", "b.csv", "c.csv")]
    for path in paths[::2]:
        path.touch()
    with pytest.raises(FileExistsError, match=r"a\.csv, .*c\.csv exist already: .*--force"):
        check_free(*paths, remedy="--force")
    check_free(paths[1])
    check_free(*paths, overwrite=True)


def test_a_folder_is_no_file_even_by_force(tmp_path):
    with pytest.raises(IsADirectoryError, match="got the folder"):
        write(tmp_path, "x")


@posix
@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
def test_permissions_are_those_of_new_files(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        with replacing(tmp_path / "a.txt") as part:  # as libraries do that write to a file of their own
            other = part.with_suffix(".other")
            other.touch(mode=0o600)
            other.replace(part)
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == mode


@posix
def test_of_a_link_what_it_points_to_is_replaced(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "a.txt").write_text("old")
    (tmp_path / "a.txt").symlink_to(tmp_path / "far" / "a.txt")
    write(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").is_symlink()
    assert (tmp_path / "far" / "a.txt").read_text() == "new"
    assert names(tmp_path / "far") == ["a.txt"]


@posix
def test_a_device_stays_one():
    write(Path(os.devnull), "x")
    assert Path(os.devnull).is_char_device()


@posix
def test_a_pipe_is_written_to(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    got = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_text()))
    reader.start()
    write(tmp_path / "pipe", "through", overwrite=False)
    reader.join(60)
    assert got == ["through"]


@posix
def test_standard_output_is_written_to_and_nothing_replaces_it(tmp_path):
    code = (
        "from pathlib import Path\nfrom ipycolorize.files import replacing\n"
        "with replacing(Path('/dev/stdout'), overwrite=False) as part: part.write_text('rows')"
    )
    with (tmp_path / "out").open("wb") as out:
        out.write(b"first ")
        out.flush()
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True, timeout=60)
    assert (tmp_path / "out").read_text() == "first rows"
    assert names(tmp_path) == ["out"]


DIE = """
import os, sys
from pathlib import Path
from ipycolorize.files import replacing
with replacing(Path(sys.argv[1])) as part:
    part.write_text("half")
    print("writing", flush=True)
    sys.stdin.read()
    os._exit(9)
"""


def writer(path):
    process = subprocess.Popen(
        [sys.executable, "-c", DIE, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "writing\n"
    return process


def test_leftovers_of_the_dead_go_and_those_of_the_living_stay(tmp_path):
    (tmp_path / "mine.part").write_text("of somebody else")
    dead, living = writer(tmp_path / "a.txt"), writer(tmp_path / "b.txt")
    dead.communicate(timeout=60)
    assert len(names(tmp_path)) == 3
    write(tmp_path / "c.txt", "new")
    left = [name for name in names(tmp_path) if name.startswith(".")]
    assert len(left) == 1
    assert (tmp_path / left[0]).read_text() == "half"
    assert (tmp_path / "mine.part").exists()
    living.communicate(timeout=60)
    _sweep.cache_clear()  # as another process
    write(tmp_path / "c.txt", "newer")
    assert names(tmp_path) == ["c.txt", "mine.part"]
