"""A survey on disk: one SQLite file, every answer committed before it is confirmed.

The file is written ahead (WAL) and flushed at each commit, so a server that is killed at any instant, or a machine that
loses power, has every answer that a browser was told is stored. Whoever sends an answer again changes nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from belamy.errors import DataError, StorageError, UsageError
from belamy.survey.design import MAIN, MASK, PRACTICE, Design, climbed
from belamy.survey.response import Reply, Response, right_answer
from belamy.survey.schedule import SurveyTrial, schedule
from belamy.survey.stimuli import Stimulus

FORMAT = "belamy-survey-1"
APPLICATION = 0x42656C61
"""In the header of a survey's file, so that no other database is taken for one; 0 in files of before."""
_MAGIC, _APPLICATION = b"SQLite format 3\0", slice(68, 72)
_NO_ROOM = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN,
            sqlite3.SQLITE_BUSY}  # fmt: skip
MOST_PARTICIPANTS = 10_000
_TABLES = """
create table facts (name text primary key, value text not null) without rowid;
create table stimuli (id integer primary key, source integer, number integer not null, role text not null,
    mime text not null, data blob not null);
create table participants (id integer primary key, token text not null, digest text not null unique,
    invited text not null, consented text, finished text, withdrawn text);
create table trials (participant integer not null references participants, place integer not null, role text not null,
    left_stimulus integer not null references stimuli, right_stimulus integer references stimuli,
    left_key text not null, right_key text, exposure integer not null, views integer not null default 0,
    primary key (participant, place)) without rowid;
create table answers (participant integer not null, place integer not null, answer text not null,
    latency real not null, exposure integer not null, shown real not null, frame real not null, hidden integer not null,
    received text not null, primary key (participant, place), foreign key (participant, place) references trials)
    without rowid;
"""
_ROWS = """
select t.participant, t.place, t.role, t.left_stimulus, t.right_stimulus, t.views, a.answer, a.latency, a.exposure,
    a.shown, a.frame, a.hidden, a.received, l.source, l.number, l.role, r.source, r.number, r.role
from answers a join trials t using (participant, place) join stimuli l on l.id = t.left_stimulus
left join stimuli r on r.id = t.right_stimulus order by t.participant, t.place
"""


class Refused(Exception):
    """A request that is not served.

    Args:
        status: The HTTP status.
        message: What the asker is told.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class Store:
    """A survey's file, open for one process.

    Args:
        path: The file, which is there.
        read_only: Change nothing, not even beside the file.

    Raises:
        DataError: It is no survey; nothing of it was changed.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path, self._lock = path, threading.RLock()
        facts = _facts(path)
        try:
            self.design = Design.from_json(facts["design"])
            self.administrator = facts["administrator"]
        except (KeyError, ValueError, UsageError) as error:
            raise DataError(f"{path} is a damaged survey ({error}). Restore it from a copy.") from None
        ahead = path.with_name(f"{path.name}-wal").exists()  # what a server that runs, or was killed, wrote ahead
        mode = ("mode=ro" if ahead else "immutable=1") if read_only else "mode=rw"
        self._base = _connected(path, mode)
        if not read_only:
            with self._asking() as base:
                base.execute("pragma journal_mode = wal")
                base.execute("pragma synchronous = full")
                base.execute("pragma foreign_keys = on")

    @classmethod
    def create(cls, path: Path, design: Design, stimuli: Sequence[Stimulus]) -> Store:
        """A new survey, whole or not at all.

        Raises:
            StorageError: Something is there, or the place cannot be written.
        """
        from belamy.runs.files import write_bytes

        if path.exists():
            raise StorageError(f"{path} is there already, and nothing is overwritten. Give another --out.")
        base = sqlite3.connect(":memory:", isolation_level=None)
        base.executescript(f"pragma application_id = {APPLICATION};{_TABLES}")
        facts = {"format": FORMAT, "design": design.as_json(), "administrator": token(), "made": _now()}
        base.executemany("insert into facts values (?, ?)", facts.items())
        base.executemany(
            "insert into stimuli (source, number, role, mime, data) values (?, ?, ?, ?, ?)",
            [(each.source, each.number, each.role, each.mime, each.data) for each in stimuli],
        )
        write_bytes(path, base.serialize())
        base.close()
        path.chmod(0o600)  # it holds the administrator's token
        return cls(path)

    def close(self) -> None:
        """Close the file; what was written ahead is merged into it."""
        with self._lock:
            self._base.close()

    # Participants

    def invite(self, count: int) -> list[str]:
        """Tokens of new participants, whose trials are laid down at once."""
        made = []
        for _ in range(count):
            fresh = token()
            with self._writing() as base:
                number = base.execute("select count(*) from participants").fetchone()[0]
                if number >= MOST_PARTICIPANTS:
                    raise Refused(409, f"There are {number:,} participants already.")
                identity = base.execute(
                    "insert into participants (token, digest, invited) values (?, ?, ?)",
                    (fresh, _digest(fresh), _now()),
                ).lastrowid
                trials = schedule(self.design, self._pool(), number)
                base.executemany(
                    "insert into trials (participant, place, role, left_stimulus, right_stimulus, left_key, right_key, "
                    "exposure) values (?, ?, ?, ?, ?, ?, ?, ?)",
                    [(identity, place, *_columns(trial)) for place, trial in enumerate(trials)],
                )
            made.append(fresh)
        return made

    def participant(self, given: str) -> int:
        """The participant with this token.

        Raises:
            Refused: There is none, or the participant withdrew.
        """
        row = self._one("select id, token, withdrawn from participants where digest = ?", _digest(given))
        if row is None or not _same(row[1], given):
            raise Refused(401, "This link is not valid. Ask for a new one.")
        if row[2]:
            raise Refused(410, "You have withdrawn from this survey, and your answers are deleted.")
        return int(row[0])

    def check_administrator(self, given: str) -> None:
        """Let the administrator in.

        Raises:
            Refused: The token is another.
        """
        if not _same(self.administrator, given):
            raise Refused(401, "This is not the administrator's link. It was printed when the survey was started.")

    def session(self, participant: int) -> dict[str, Any]:
        """What a participant's page shows now: the next unanswered trial, if there was consent, and how far it is."""
        row = self._one("select consented, finished from participants where id = ?", participant)
        done, total = self._progress(participant)
        told: dict[str, Any] = {"consented": bool(row[0]), "finished": bool(row[1]), "done": done, "total": total}
        if row[0] and not row[1]:
            told["trial"] = self._trial(participant, done)
        return told

    def consent(self, participant: int) -> None:
        """Note that the participant agrees; the first time counts."""
        self._do("update participants set consented = coalesce(consented, ?) where id = ?", _now(), participant)

    def withdraw(self, participant: int) -> None:
        """Delete the participant's answers; the link is void."""
        with self._writing() as base:
            base.execute("delete from answers where participant = ?", (participant,))
            base.execute("update participants set withdrawn = ? where id = ?", (_now(), participant))

    def begin(self, participant: int, place: int) -> dict[str, Any]:
        """Count a view of the current trial, and say for how long its picture is shown.

        Raises:
            Refused: It is not the participant's current trial.
        """
        with self._writing() as base:
            self._check_current(participant, place)
            base.execute(
                "update trials set views = views + 1 where participant = ? and place = ?", (participant, place)
            )
            return {"exposure": self._exposure(participant, place)}

    def answer(self, participant: int, reply: Reply) -> dict[str, Any]:
        """Store an answer, and say what comes next. The first answer to a trial stands, however often one is sent.

        Raises:
            Refused: No answer to the current trial, or none that can be given.
        """
        if reply.answer not in self.design.alternatives:
            raise Refused(422, f"The answer must be one of: {', '.join(self.design.alternatives)}.")
        with self._writing() as base:
            done, _ = self._progress(participant)
            if reply.place >= done:
                views = self._check_current(participant, reply.place)
                if not views:
                    raise Refused(409, "This trial has not begun.")
                base.execute(
                    "insert into answers values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (participant, reply.place, reply.answer, reply.latency, self._exposure(participant, reply.place),
                     reply.shown, reply.frame, reply.hidden, _now()),
                )  # fmt: skip
                done, total = self._progress(participant)
                if done == total:
                    base.execute("update participants set finished = ? where id = ?", (_now(), participant))
            told = self.session(participant)
            return {**told, **self._feedback(participant, reply.place)}

    def medium(self, participant: int, key: str) -> tuple[str, bytes]:
        """MIME type and bytes of a picture or sound of the participant's current trial.

        Raises:
            Refused: The key is not one of the current trial's.
        """
        done, _ = self._progress(participant)
        row = self._one(
            "select t.left_key, t.left_stimulus, t.right_key, t.right_stimulus from trials t join participants p "
            "on p.id = t.participant where t.participant = ? and t.place = ? and p.consented is not null",
            participant, done,
        )  # fmt: skip
        for held, stimulus in ((row[0], row[1]), (row[2], row[3])) if row else ():
            if held and _same(held, key):
                return self._file(stimulus)
        raise Refused(404, "There is no such picture or sound in this trial.")

    def mask(self, number: str) -> tuple[str, bytes]:
        """MIME type and bytes of a mask, by the number as it stands in the address.

        Raises:
            Refused: There is none of this number.
        """
        row = self._one("select id from stimuli where role = ? and number = ?", MASK, number)
        if row is None:
            raise Refused(404, "There is no such mask.")
        return self._file(row[0])

    def masks(self) -> int:
        """The number of masks."""
        return int(self._one("select count(*) from stimuli where role = ?", MASK)[0])

    # The administrator

    def progress(self) -> list[dict[str, Any]]:
        """The progress of each participant."""
        rows = self._all(
            "select p.id, p.token, p.invited, p.consented, p.finished, p.withdrawn, count(a.place), "
            "max(a.received), (select count(*) from trials t where t.participant = p.id) "
            "from participants p left join answers a on a.participant = p.id group by p.id order by p.id"
        )
        names = ("number", "token", "invited", "consented", "finished", "withdrawn", "done", "latest", "total")
        return [dict(zip(names, row, strict=True)) for row in rows]

    def judgements(self) -> list[Response]:
        """All answers, by participant and place."""
        made = []
        for row in self._all(_ROWS):
            who, place, role, left, right, views, answer, latency, exposure, shown, frame, hidden, received = row[:13]
            pair = right is not None
            made.append(
                Response(
                    who, place, role, (row[13:16], row[16:19]) if pair else (row[13:16],),
                    (left, right) if pair else (left,), Reply(place, answer, latency, shown, frame, bool(hidden)),
                    exposure, views, received,
                )
            )  # fmt: skip
        return made

    # Within

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction; within another it is part of it."""
        with self._asking() as base:
            if base.in_transaction:
                yield base
                return
            base.execute("begin immediate")
            try:
                yield base
                base.execute("commit")
            finally:
                if base.in_transaction:  # nothing of it was committed; where the disk is full, SQLite went back itself
                    base.execute("rollback")

    @contextmanager
    def _asking(self) -> Iterator[sqlite3.Connection]:
        """The file, for this thread alone.

        Raises:
            StorageError: It cannot be written.
            DataError: It is damaged.
        """
        with self._lock:
            try:
                yield self._base
            except sqlite3.DatabaseError as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF in _NO_ROOM:
                    raise StorageError(
                        f"{self.path} could not be written ({error}). Every answer that was confirmed is safe. Make "
                        "room on the disk, and let no other program hold the file: the survey then goes on by itself."
                    ) from error
                raise DataError(f"{self.path} is damaged ({error}). Restore it from a copy.") from error

    def _all(self, query: str, *values: Any) -> list[Any]:
        with self._asking() as base:
            return base.execute(query, values).fetchall()

    def _one(self, query: str, *values: Any) -> Any:
        return next(iter(self._all(query, *values)), None)

    def _do(self, query: str, *values: Any) -> None:
        with self._writing() as base:
            base.execute(query, values)

    def _pool(self) -> dict[tuple[int, str], list[int]]:
        pool: dict[tuple[int, str], list[int]] = {}
        for identity, source, role in self._all("select id, source, role from stimuli order by id"):
            pool.setdefault((source, role), []).append(identity)
        return pool

    def _progress(self, participant: int) -> tuple[int, int]:
        """How many trials are answered, which is the place of the next, and how many there are."""
        done, total = self._one(
            "select (select count(*) from answers where participant = t.participant), count(*) from trials t "
            "where t.participant = ?",
            participant,
        )
        return done, total

    def _check_current(self, participant: int, place: int) -> int:
        """How often the current trial was begun."""
        row = self._one("select consented from participants where id = ?", participant)
        if not row[0]:
            raise Refused(403, "Please read and accept the consent text first.")
        done, total = self._progress(participant)
        if place != done or done == total:
            raise Refused(409, f"Trial {place + 1} is not the current one.")
        return int(self._one("select views from trials where participant = ? and place = ?", participant, place)[0])

    def _exposure(self, participant: int, place: int) -> int:
        role, exposure = self._one(
            "select role, exposure from trials where participant = ? and place = ?", participant, place
        )
        if not self.design.staircase or role != MAIN:
            return int(exposure)
        rows = self._all(
            "select a.answer, s.source from answers a join trials t using (participant, place) "
            "join stimuli s on s.id = t.left_stimulus where a.participant = ? and t.role = ? and a.place < ? "
            "order by a.place",
            participant, MAIN, place,
        )  # fmt: skip
        return climbed([(answer == "real") == (source == self.design.real) for answer, source in rows])

    def _trial(self, participant: int, place: int) -> dict[str, Any]:
        role, left, right = self._one(
            "select role, left_key, right_key from trials where participant = ? and place = ?", participant, place
        )
        return {"place": place, "practice": role == PRACTICE, "media": [left, right] if right else [left]}

    def _feedback(self, participant: int, place: int) -> dict[str, Any]:
        """After a practice trial: whether the answer that stands was right."""
        row = self._one(
            "select t.role, a.answer, l.source, l.number, l.role, r.source, r.number, r.role from trials t "
            "join answers a using (participant, place) join stimuli l on l.id = t.left_stimulus "
            "left join stimuli r on r.id = t.right_stimulus where t.participant = ? and t.place = ?",
            participant, place,
        )  # fmt: skip
        if row is None or row[0] != PRACTICE:
            return {}
        shown = [row[2:5], row[5:8]] if row[5] is not None else [row[2:5]]
        right = right_answer(self.design, row[0], shown)
        return {} if right is None else {"right": right, "correct": row[1] == right}

    def _file(self, stimulus: int) -> tuple[str, bytes]:
        mime, data = self._one("select mime, data from stimuli where id = ?", stimulus)
        return mime, data


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?{mode}"
    return sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False, timeout=30)


def _facts(path: Path) -> dict[str, str]:
    """What a survey says of itself, read so that a file that is none stays as it is, and nothing appears beside it.

    Raises:
        DataError: It is none.
    """
    if not path.is_file():
        raise DataError(f"There is no survey {path}. Make one with: belamy survey RUN --against DATA --out {path}")
    foreign = DataError(f"{path} is not a survey that this version reads. Name the .sqlite file of `belamy survey`.")
    try:
        with path.open("rb") as file:
            head = file.read(100)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}. Check the permissions.") from None
    if head[: len(_MAGIC)] != _MAGIC or int.from_bytes(head[_APPLICATION], "big") not in (0, APPLICATION):
        raise foreign
    base = _connected(path, "immutable=1")
    try:
        facts = dict(base.execute("select name, value from facts"))
    except (sqlite3.DatabaseError, ValueError):
        raise foreign from None
    finally:
        base.close()
    if facts.get("format") != FORMAT:
        raise foreign
    return facts


def _columns(trial: SurveyTrial) -> tuple[Any, ...]:
    """A trial as the columns of its table: role, stimuli, their keys, exposure."""
    left, right = (*trial.stimuli, None)[:2]
    return trial.role, left, right, token(), None if right is None else token(), trial.exposure


def token() -> str:
    """192 random bits as text that a link can hold."""
    return secrets.token_urlsafe(24)


def _digest(given: str) -> str:
    """What a token is found by: the time of the search says nothing about the token."""
    return hashlib.sha256(given.encode("utf-8", "surrogatepass")).hexdigest()


def _same(held: str, given: str) -> bool:
    """Whether two secrets agree, in a time that says nothing about them."""
    return hmac.compare_digest(_digest(held), _digest(given))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
