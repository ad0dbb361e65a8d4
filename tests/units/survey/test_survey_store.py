"""The survey's file: answers that stand, trials that are resumed, and whose answers count."""

from __future__ import annotations

import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import wave
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from belamy.errors import DataError, StorageError
from belamy.survey.analysis import analyse
from belamy.survey.design import CATCH, EASIER, FAST, HARDER, LONGEST, MAIN, MASK, PRACTICE, Design
from belamy.survey.exclusion import keep
from belamy.survey.export import as_csv, as_json
from belamy.survey.page import render, told
from belamy.survey.response import Reply, Response, right_answer
from belamy.survey.stimuli import Collection, sounds, stimuli, wav
from belamy.survey.store import Refused, Store

SOURCE = Path(__file__).parents[3] / "src"


def collection(name: str, count: int = 30, seed: int = 0) -> Collection:
    pixels = torch.randint(0, 256, (count, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
    return Collection(name, pictures=pixels, facts=(("format", name),))


def plan(kind: str = "categorise", **changes: Any) -> Design:
    given: dict[str, Any] = {
        "kind": kind, "medium": "image", "sources": ("data", "model"), "real": 0, "trials": 8, "practice": 2,
        "catch": 2,
        **changes,
    }  # fmt: skip
    return Design(**given)


def made(path: Path, design: Design) -> Store:
    collections = [collection(name, seed=number) for number, name in enumerate(design.sources)]
    return Store.create(path, design, stimuli(design, collections))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = made(tmp_path / "survey.sqlite", plan())
    yield found
    found.close()


def reply(place: int, answer: str, **changes: Any) -> Reply:
    return replace(Reply(place, answer, latency=600.0, shown=600.0, frame=16.7, hidden=False), **changes)


def answered(store: Store, who: int, answer: Any = None, **changes: Any) -> dict[str, Any]:
    """A whole session, or its rest; by default every answer is right."""
    told_last: dict[str, Any] = {}
    store.consent(who)
    while "trial" in (state := store.session(who)):
        place = state["trial"]["place"]
        exposure = store.begin(who, place)["exposure"]
        given = answer(place) if answer else truth(store, who, place)
        told_last = store.answer(who, reply(place, given, **{"shown": float(exposure or 600), **changes}))
    return told_last


def truth(store: Store, who: int, place: int) -> str:
    """What is right, read from the file behind the server's back."""
    base = sqlite3.connect(store.path)
    rows = base.execute(
        "select t.role, s.source, s.number, s.role from trials t join stimuli s on s.id in (t.left_stimulus, "
        "t.right_stimulus) where t.participant = ? and t.place = ? order by s.id = t.right_stimulus", (who, place),
    ).fetchall()  # fmt: skip
    base.close()
    return right_answer(store.design, rows[0][0], [row[1:] for row in rows]) or store.design.alternatives[place % 2]


def test_a_session_from_consent_to_thanks(store: Store) -> None:
    token = store.invite(1)[0]
    who = store.participant(token)
    assert store.session(who) == {"consented": False, "finished": False, "done": 0, "total": 12}
    with pytest.raises(Refused, match="consent"):
        store.begin(who, 0)
    last = answered(store, who)
    assert last["finished"] and last["done"] == 12 and "trial" not in last
    found = store.judgements()
    assert len(found) == 12 and all(
        each.reply.answer == right_answer(store.design, each.role, each.stimuli) for each in found
    )
    assert analyse(store)["results"]["errors"]["both"]["count"] == 0


def test_an_answer_stands_however_often_it_is_sent(store: Store) -> None:
    who = store.participant(store.invite(1)[0])
    store.consent(who)
    store.begin(who, 0)
    first = store.answer(who, reply(0, "real"))
    assert store.answer(who, reply(0, "real")) == first
    assert store.answer(who, reply(0, "fake", latency=1.0)) == first
    assert [(each.reply.answer, each.reply.latency) for each in store.judgements()] == [("real", 600.0)]


@pytest.mark.parametrize(("place", "answer", "status"), [(1, "real", 409), (999, "real", 409), (0, "left", 422)])
def test_only_the_current_trial_can_be_answered(store: Store, place: int, answer: str, status: int) -> None:
    who = store.participant(store.invite(1)[0])
    store.consent(who)
    store.begin(who, 0)
    with pytest.raises(Refused) as refused:
        store.answer(who, reply(place, answer))
    assert refused.value.status == status and not store.judgements()


def test_a_trial_must_begin_before_it_is_answered(store: Store) -> None:
    who = store.participant(store.invite(1)[0])
    store.consent(who)
    with pytest.raises(Refused, match="not begun"):
        store.answer(who, reply(0, "real"))


def test_pictures_are_given_for_the_current_trial_alone(store: Store) -> None:
    first, second = (store.participant(token) for token in store.invite(2))
    store.consent(first)
    (key,) = store.session(first)["trial"]["media"]
    mime, data = store.medium(first, key)
    assert mime == "image/png" and Image.open(io.BytesIO(data)).size == (8, 8)
    store.consent(second)
    for who, wrong in ((second, key), (first, "nothing"), (first, "")):
        with pytest.raises(Refused):
            store.medium(who, wrong)
    store.begin(first, 0)
    store.answer(first, reply(0, "real"))
    with pytest.raises(Refused):
        store.medium(first, key)


def test_keys_of_the_same_picture_differ_between_participants(store: Store) -> None:
    store.invite(3)
    keys = [row[0] for row in store._base.execute("select left_key from trials")]
    assert len(set(keys)) == len(keys) == 36 and all(len(key) >= 30 for key in keys)


def test_practice_is_told_and_nothing_else(store: Store) -> None:
    who = store.participant(store.invite(1)[0])
    store.consent(who)
    for place in range(4):
        store.begin(who, place)
        right = truth(store, who, place)
        wrong = "fake" if right == "real" else "real"
        given = store.answer(who, reply(place, wrong))
        practice = place < store.design.practice
        assert ("right" in given) == ("correct" in given) == practice
        if practice:
            assert given["right"] == right and given["correct"] is False
        assert set(given["trial"]) == {"place", "practice", "media"}  # neither source nor truth


def test_wrong_tokens_open_nothing(store: Store) -> None:
    token = store.invite(1)[0]
    for wrong in ("", token[:-1], f"{token} ", token.swapcase(), "ü" * 32, "\ud800"):
        with pytest.raises(Refused) as refused:
            store.participant(wrong)
        assert refused.value.status == 401
        with pytest.raises(Refused):
            store.check_administrator(wrong)
    with pytest.raises(Refused):
        store.check_administrator(token)
    store.check_administrator(store.administrator)


def test_whoever_withdraws_leaves_nothing(store: Store) -> None:
    token = store.invite(1)[0]
    who = store.participant(token)
    answered(store, who)
    store.withdraw(who)
    assert not store.judgements() and store.progress()[0]["withdrawn"]
    with pytest.raises(Refused) as refused:
        store.participant(token)
    assert refused.value.status == 410


def test_a_survey_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path = tmp_path / "survey.sqlite"
    store = made(path, plan())
    token = store.invite(1)[0]
    who = store.participant(token)
    store.consent(who)
    store.begin(who, 0)
    store.answer(who, reply(0, "real"))
    before, administrator = store.session(who), store.administrator
    store.close()
    again = Store(path)
    assert again.session(again.participant(token)) == before and again.administrator == administrator
    assert again.design == store.design
    again.close()


def test_killed_while_it_answers_it_has_all_that_it_confirmed(tmp_path: Path) -> None:
    """A process writes answers and says each one when it is stored, until it is killed between two instructions."""
    path = tmp_path / "survey.sqlite"
    store = made(path, plan(trials=30, practice=0, catch=0, fixation=0))
    token = store.invite(1)[0]
    store.close()
    script = f"""
import sys
from pathlib import Path
from belamy.survey.store import Reply, Store
store = Store(Path({str(path)!r}))
who = store.participant({token!r})
store.consent(who)
for place in range(30):
    store.begin(who, place)
    store.answer(who, Reply(place, "real", 600.0, 600.0, 16.7, False))
    sys.stdout.write(f"{{place}}\\n")
    sys.stdout.flush()
"""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment) as run:
        assert run.stdout
        confirmed = [int(run.stdout.readline()) for _ in range(7)]
        run.send_signal(signal.SIGKILL)
        confirmed += [int(line) for line in run.stdout.read().splitlines() if line]
    again = Store(path)
    places = [each.place for each in again.judgements()]
    assert places[: len(confirmed)] == confirmed and len(places) <= len(confirmed) + 1
    assert again.session(again.participant(token))["done"] == len(places)
    again.close()


def test_many_threads_lose_nothing_and_double_nothing(store: Store) -> None:
    tokens = store.invite(4)
    errors = []

    def take(token: str) -> None:
        try:
            who = store.participant(token)
            store.consent(who)
            for place in range(12):
                store.begin(who, place)
                for _ in range(3):
                    store.answer(who, reply(place, "real"))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=take, args=(token,)) for token in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert sorted((each.participant, each.place) for each in store.judgements()) == [
        (who, place) for who in range(1, 5) for place in range(12)
    ]


def test_the_staircase_follows_the_answers(tmp_path: Path) -> None:
    store = made(tmp_path / "stairs.sqlite", plan(staircase=True, trials=20, catch=1))
    who = store.participant(store.invite(1)[0])
    store.consent(who)
    expected, fast = LONGEST // 2, FAST
    while "trial" in (state := store.session(who)):
        place = state["trial"]["place"]
        exposure = store.begin(who, place)["exposure"]
        role = store._one("select role from trials where participant = ? and place = ?", who, place)[0]
        assert exposure == (expected if role == MAIN else LONGEST)
        assert store.begin(who, place)["exposure"] == exposure
        right = truth(store, who, place)
        wrong = place % 4 == 0
        store.answer(who, reply(place, {"real": "fake", "fake": "real"}[right] if wrong else right))
        if role == MAIN:
            fast = 1 if wrong else fast
            expected += EASIER if wrong else -HARDER * fast
    courses = [each.exposure for each in store.judgements() if each.role == MAIN]
    assert len(courses) == 20 and courses[0] == 500
    store.close()


@pytest.mark.parametrize("kind", ["categorise", "choose", "rank", "mos"])
def test_every_kind_is_analysed_exported_and_shown(kind: str, tmp_path: Path) -> None:
    exposures = (100, 250, 500) if kind in ("categorise", "choose") else ()
    store = made(tmp_path / "kind.sqlite", plan(kind, trials=12, exposures=exposures))
    assert analyse(store)["results"] == {}
    for number, token in enumerate(store.invite(6)):
        who = store.participant(token)
        answered(store, who, lambda place, n=number, w=who: _mixed(store, w, place, n))
    facts = analyse(store)
    json.dumps(facts, allow_nan=False)
    assert facts["participants"]["counted"] == 6 and facts["participants"]["answers"] == 72
    page, text = render(facts), told(facts)
    assert "default-src 'none'" in page and page.count("<script") == 1 and page.count("<svg") >= 1
    assert facts["survey"]["sources"][1] in page and "72 answers" in text
    assert "http:" not in page.replace("http://www.w3.org", "")
    table = as_csv(store).splitlines()
    assert len(table) == 1 + 6 * 16 and table[0].startswith("participant,place,role")
    everything = as_json(store)
    assert len(everything["answers"]) == 96
    tokens = [each["token"] for each in store.progress()]
    assert not any(token in json.dumps(everything) + page + as_csv(store) for token in [*tokens, store.administrator])
    store.close()


def _mixed(store: Store, who: int, place: int, number: int) -> str:
    """Right in catch trials; elsewhere right in most."""
    role = store._one("select role from trials where participant = ? and place = ?", who, place)[0]
    right = truth(store, who, place)
    if role == CATCH:
        return right
    return store.design.alternatives[number % 2] if (place + number) % 4 == 0 else right


def judgement(place: int, answer: str, role: str = MAIN, source: int = 1, **changes: Any) -> Response:
    kept = {key: changes.pop(key) for key in ("participant", "views", "exposure") if key in changes}
    made_of = Response(
        1, place, role, ((source, place, role),), (place,), reply(place, answer, **changes), 0, 1, "2026-01-01",
    )  # fmt: skip
    return replace(made_of, **kept)


def test_who_fails_catch_trials_or_never_looks_is_excluded() -> None:
    design = plan()
    good = [judgement(place, "fake", CATCH) for place in range(4)]
    good += [judgement(4 + place, ("fake", "real")[place % 2]) for place in range(20)]
    careless = [replace(each, participant=2) for each in good]
    careless[:2] = [replace(each, reply=replace(each.reply, answer="real")) for each in careless[:2]]
    uniform = [replace(each, participant=3, reply=replace(each.reply, answer="fake")) for each in good]
    found = keep(design, [*good, *careless, *uniform])
    assert found.people == (1,) and found.excluded == {
        2: "2 of 4 catch trials right", 3: "answered “fake” throughout",
    }  # fmt: skip
    assert len(found.judgements) == 20 and "80% of the catch trials" in found.rules[0]


def test_single_answers_that_cannot_count() -> None:
    design = plan(exposures=(100, 1000))
    right: dict[str, Any] = {"exposure": 100, "shown": 100.0}
    cases = [
        judgement(0, "fake", **right),
        judgement(1, "real", **{**right, "shown": 117.0}),
        judgement(2, "real", **right, latency=80.0),
        judgement(3, "real", **{**right, "shown": 160.0}),
        judgement(4, "real", **right, hidden=True),
        judgement(5, "real", **right, views=2),
        judgement(6, "real", exposure=1000, shown=1060.0),
        judgement(7, "real", PRACTICE, **right),
    ]
    found = keep(design, cases)
    assert [each.place for each in found.judgements] == [0, 1, 6]
    assert found.left_out == {
        "too soon": 1, "seen longer or shorter than planned": 1, "out of sight": 1, "seen twice": 1,
    }  # fmt: skip


def test_files_are_made_whole_and_nothing_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "new" / "survey.sqlite"
    made(path, plan()).close()
    assert path.stat().st_mode & 0o077 == 0
    before = path.read_bytes()
    with pytest.raises(StorageError, match="already"):
        made(path, plan())
    assert path.read_bytes() == before
    with pytest.raises(DataError, match="There is no survey"):
        Store(tmp_path / "none.sqlite")


@pytest.mark.parametrize("read_only", [True, False])
def test_a_file_that_is_not_ours_stays_as_it_is_and_nothing_appears_beside_it(tmp_path: Path, read_only: bool) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "notes.txt").write_text("no database, but a text that is long enough to be looked at as one" * 20)
    (foreign / "empty.txt").touch()
    (foreign / "half.sqlite").write_bytes(b"SQLite format 3\0 and no more")
    for name, script in {
        "plain": "create table facts (name, value)",
        "other": "pragma application_id = 7; create table facts as select 'format' as name, 'belamy-survey-1' as value",
        "ahead": "pragma journal_mode = wal; create table photos (name)",
        "binary": "create table facts (name, value); insert into facts values (x'ff', 1), ('format', x'00')",
    }.items():
        base = sqlite3.connect(foreign / f"{name}.sqlite")
        base.executescript(script)
        base.close()
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in foreign.iterdir()}
    for path in before:
        with pytest.raises(DataError, match="not a survey"):
            Store(path, read_only=read_only)
    with pytest.raises(DataError, match="There is no survey"):
        Store(foreign, read_only=read_only)
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in foreign.iterdir()} == before


def test_to_analyse_a_survey_changes_nothing_and_sees_what_a_killed_server_wrote_ahead(tmp_path: Path) -> None:
    path = tmp_path / "survey.sqlite"
    store = made(path, plan())
    who = store.participant(store.invite(1)[0])
    answered(store, who)
    (tmp_path / "copy").mkdir()
    for part in ("", "-wal"):  # as they lie on the disk when the power fails
        (tmp_path / "copy" / f"survey.sqlite{part}").write_bytes(path.with_name(f"survey.sqlite{part}").read_bytes())
    store.close()
    killed = Store(tmp_path / "copy" / "survey.sqlite", read_only=True)
    assert len(killed.judgements()) == 12
    killed.close()
    before = path.read_bytes()
    again = Store(path, read_only=True)
    assert len(again.judgements()) == 12 and [each.name for each in tmp_path.glob("survey*")] == ["survey.sqlite"]
    with pytest.raises(StorageError, match="could not be written"):
        again.invite(1)
    again.close()
    assert path.read_bytes() == before


def test_a_survey_from_before_the_mark_in_the_header_opens(tmp_path: Path) -> None:
    path = tmp_path / "survey.sqlite"
    made(path, plan()).close()
    base = sqlite3.connect(path)
    base.execute("pragma application_id = 0")
    base.close()
    Store(path).close()


def test_a_full_disk_loses_nothing_and_the_survey_goes_on_when_there_is_room(store: Store) -> None:
    who = store.participant(store.invite(1)[0])
    store.consent(who)
    store.begin(who, 0)
    store.answer(who, reply(0, "real"))
    limit = store._one("pragma page_count")[0]
    store._one(f"pragma max_page_count = {limit}")
    with pytest.raises(StorageError, match=r"survey\.sqlite could not be written .*full.*confirmed is safe"):
        store.invite(500)
    assert [each.place for each in store.judgements()] == [0]
    store._one("pragma max_page_count = 1000000")
    store.begin(who, 1)
    store.answer(who, reply(1, "fake"))
    assert [each.place for each in store.judgements()] == [0, 1]


def test_a_damaged_survey_is_a_data_error(tmp_path: Path) -> None:
    path = tmp_path / "survey.sqlite"
    made(path, plan()).close()
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + bytes(len(whole) - 8192))
    store = Store(path, read_only=True)
    with pytest.raises(DataError, match=r"survey\.sqlite is damaged"):
        store.judgements()
    store.close()
    path.write_bytes(whole.replace(b'"kind": "categorise"', b'"kind": "catastroph"'))
    with pytest.raises(DataError, match="is a damaged survey"):
        Store(path, read_only=True)


def test_masks_and_broken_pictures_keep_the_shades_and_nothing_else() -> None:
    design = plan(exposures=(100,))
    real, fake = collection("data"), collection("model", seed=1)
    found = stimuli(design, [real, fake])
    roles = [each.role for each in found]
    assert roles.count(MASK) == 8 and roles.count(CATCH) == 2 and roles.count(PRACTICE) == 2
    assert real.pictures is not None
    for each in found:
        if each.role == CATCH:
            pixels = np.asarray(Image.open(io.BytesIO(each.data)))
            original = real.pictures[each.number][0].numpy()
            assert sorted(pixels.ravel()) == sorted(original.ravel()) and (pixels != original).any()
    assert not [each for each in stimuli(plan(), [real, fake]) if each.role == MASK]


def test_too_few_pictures_and_other_sizes_are_refused() -> None:
    with pytest.raises(DataError, match="Type a smaller --trials"):
        stimuli(plan(trials=100), [collection("data"), collection("model")])
    larger = Collection("model", pictures=torch.zeros(30, 1, 9, 9, dtype=torch.uint8))
    with pytest.raises(DataError, match="differ in format"):
        stimuli(plan(), [collection("data"), larger])


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_sounds_of_any_depth_become_sixteen_bits(width: int, tmp_path: Path) -> None:
    tone = np.sin(np.arange(800) * 0.2)[:, None].repeat(2, axis=1)
    raw = {
        1: ((tone * 127 + 128).astype(np.uint8)).tobytes(),
        2: (tone * 32_767).astype("<i2").tobytes(),
        3: b"".join(int(x).to_bytes(3, "little", signed=True) for x in (tone * 8_388_607).ravel()),
        4: (tone * 2_147_483_647).astype("<i4").tobytes(),
    }[width]
    for number in range(3):
        with wave.open(str(tmp_path / f"{number}.wav"), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(width)
            file.setframerate(8000)
            file.writeframes(raw)
    found = sounds(str(tmp_path), 2, seed=0)
    assert len(found) == 2 and found.rate == 8000 and found.sounds[0].shape == (800, 2)
    assert np.abs(found.sounds[0] / 32_768 - tone).max() < (0.02 if width == 1 else 1e-3)
    with wave.open(io.BytesIO(wav(found.sounds[0], 8000))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate(), file.getnframes()) == (2, 2, 8000, 800)


def test_sounds_that_cannot_be_compared_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(np.zeros((80, 1), np.int16), 8000))
    (tmp_path / "b.wav").write_bytes(wav(np.zeros((80, 1), np.int16), 16_000))
    with pytest.raises(DataError, match="8,000 Hz with 1 channels, 16,000 Hz"):
        sounds(str(tmp_path), 10, seed=0)
    (tmp_path / "b.wav").write_bytes(b"RIFF no sound")
    with pytest.raises(DataError, match=r"b\.wav is not a WAV file"):
        sounds(str(tmp_path), 10, seed=0)
    (tmp_path / "b.wav").write_bytes(wav(np.zeros((80_000, 1), np.int16), 1000))
    with pytest.raises(DataError, match="lasts more than 30 s"):
        sounds(str(tmp_path), 10, seed=0)
    whole = wav(np.arange(160, dtype=np.int16).reshape(80, 2), 8000)
    (tmp_path / "a.wav").write_bytes(whole[:24] + bytes(4) + whole[28:])  # no samples in a second
    with pytest.raises(DataError, match=r"a\.wav lasts more"):
        sounds(str(tmp_path), 10, seed=0)
    (tmp_path / "a.wav").write_bytes(whole)
    (tmp_path / "b.wav").write_bytes(whole[:-3])  # cut within a frame: all before it is there
    os.mkfifo(tmp_path / "c.wav")
    assert [len(samples) for samples in sounds(str(tmp_path), 10, seed=0).sounds] == [80, 79]
