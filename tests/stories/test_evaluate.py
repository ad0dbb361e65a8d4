"""``belamy evaluate``, ``belamy compare-metrics`` and judging while training, as a user meets them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from belamy.judges.validation import Validator
from belamy.runs.run import Run
from stories.conftest import SMALL, Command, write_photos

QUICK = ["--extractor", "pixels", "--metrics", "frechet", "diversity", "--count", "40", "--no-progress"]


@pytest.fixture(scope="module")
def reals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An array of 120 grey 8x8 images without labels."""
    path = tmp_path_factory.mktemp("reals") / "reals.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (120, 8, 8), dtype=np.uint8))
    return path


@pytest.fixture(scope="module")
def fakes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An array of 60 darker images."""
    path = tmp_path_factory.mktemp("fakes") / "fakes.npz"
    np.savez(path, images=np.random.default_rng(1).integers(0, 128, (60, 8, 8), dtype=np.uint8))
    return path


def result(belamy: Command, fakes: Path, reals: Path, path: Path, *words: str | Path) -> Path:
    """The JSON of an evaluation."""
    done = belamy("evaluate", fakes, "--against", reals, *QUICK, *words, "--json", path)
    assert done.returncode == 0, done.stderr
    return path


class TestEvaluate:
    def test_an_array_against_an_array(self, belamy: Command, fakes: Path, reals: Path, tmp_path: Path) -> None:
        page, told = tmp_path / "page.html", tmp_path / "told.json"
        said = belamy("evaluate", fakes, "--against", reals, *QUICK, "--split", "all", "--out", page, "--json", told)
        assert said.returncode == 0 and said.stderr == ""
        assert "fakes against reals (all)" in said.stdout and "95 % interval" in said.stdout
        assert "N = 40 < 10,000" in said.stdout and str(page) in said.stdout
        assert "The 40 images are close to real ones: Fréchet distance" in said.stdout.splitlines()[1]
        assert "they vary little" in said.stdout.splitlines()[2], "they are half as bright"
        facts = json.loads(told.read_text())
        found = facts["measures"]["frechet"]
        assert found["value"] > found["floor"]["value"] >= 0 and found["low"] <= found["value"] <= found["high"]
        card = facts["card"]
        assert (card["n_real"], card["n_generated"], card["split"], card["extractor"]) == (120, 40, "all", "pixels")
        assert card["metrics"].keys() == {"frechet", "diversity"} and card["versions"]["torch"]
        assert facts["subject"]["format"] == "npz" and "--count 40" in facts["command"]

    def test_the_size_that_is_advised_settles_it(
        self, belamy: Command, reals: Path, trained: Path, tmp_path: Path
    ) -> None:
        """Pictures of several sizes against reals of 8x8, and a run in the place of real images."""
        write_photos(tmp_path / "mixed", 40, side=12)
        write_photos(tmp_path / "mixed" / "more", 2, side=10)
        words = ["evaluate", "mixed", "--against", reals, *QUICK]
        refused = belamy(*words)
        assert refused.returncode == 2 and refused.stderr.endswith("type --size 8.\n"), refused.stderr
        done = belamy(*words, "--size", "8")
        assert done.returncode == 0, done.stderr
        refused = belamy("evaluate", "mixed", "--against", trained)
        assert refused.returncode == 2 and "is a run" in refused.stderr and "--against " in refused.stderr
        refused = belamy("unmask", trained, "--real", "mixed", "--count", "100")
        assert refused.returncode == 2 and refused.stderr.endswith("type --size 8.\n"), refused.stderr

    def test_the_same_pictures_on_both_sides_are_told(self, belamy: Command, reals: Path) -> None:
        words = ["--metrics", "frechet-infinity", "kernel", "--extractor", "pixels", "--no-real-baseline"]
        said = belamy("evaluate", reals, "--against", reals, *words, "--split", "all", "--no-progress")
        assert said.returncode == 0 and "are the very ones that they are compared with" in said.stdout.splitlines()[1]
        assert "! Both sides are the same pictures: all 120 judged ones" in said.stdout

    def test_the_page_stands_alone(self, belamy: Command, fakes: Path, reals: Path, tmp_path: Path) -> None:
        page = tmp_path / "page.html"
        assert belamy("evaluate", fakes, "--against", reals, *QUICK, "--out", page).returncode == 0
        text = page.read_text()
        assert "default-src 'none'" in text and "http://" not in text.replace("http://www.w3.org/2000/svg", "")
        assert text.count("data:image/") >= 2 and "belamy evaluate" in text and "<svg" in text

    def test_a_method_is_probed_and_files_are_not(
        self, belamy: Command, trained: Path, fakes: Path, reals: Path, tmp_path: Path
    ) -> None:
        run = tmp_path / "run"
        shutil.copytree(trained, run)
        said = belamy("evaluate", run, *QUICK, "--no-real-baseline", "--probes", "continuity:count=4", "--json", "-")
        assert said.returncode == 0, said.stderr
        facts = json.loads(said.stdout)
        found = {name: each for name, each in facts["measures"].items() if each["metric"] == "continuity"}
        assert found and all(each["low"] <= each["value"] <= each["high"] for each in found.values())
        assert "--probes continuity:count=4" in facts["command"]
        refused = belamy("evaluate", fakes, "--against", reals, *QUICK, "--no-real-baseline", "--probes", "continuity")
        assert refused.returncode == 2 and "no method to probe" in refused.stderr
        refused = belamy("evaluate", run, *QUICK, "--no-real-baseline", "--classifiers", "1")
        assert refused.returncode == 2 and "do not use labels" in refused.stderr

    def test_a_run_is_judged_against_its_own_data(self, belamy: Command, trained: Path, tmp_path: Path) -> None:
        run = tmp_path / "run"
        shutil.copytree(trained, run)
        said = belamy("evaluate", run, *QUICK, "--json", "-", "--split", "all")
        assert said.returncode == 0, said.stderr
        facts = json.loads(said.stdout)
        assert facts["against"]["name"] == "photos" and facts["subject"]["recipe"] == "dcgan-mnist"
        assert facts["card"]["averaged"] is False and facts["card"]["seed"] == 0
        assert (run / "evaluation.html").is_file()
        assert json.loads((run / "evaluation.json").read_text()) == facts
        assert belamy("compare-metrics", run, run, "--json", "-").returncode == 0
        said = belamy("compare-metrics", run, trained)
        assert said.returncode == 2 and f"{trained} holds no evaluation. Make one: belamy evaluate" in said.stderr

    def test_the_same_again(self, belamy: Command, fakes: Path, reals: Path, tmp_path: Path) -> None:
        first, again = (result(belamy, fakes, reals, tmp_path / name) for name in ("a.json", "b.json"))
        assert first.read_text() == again.read_text()
        other = result(belamy, fakes, reals, tmp_path / "c.json", "--seed", "1")
        assert json.loads(other.read_text())["measures"] != json.loads(first.read_text())["measures"]

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (["nowhere.npz", "--against", "REALS"], "There is no file or folder nowhere.npz"),
            (["FAKES"], "Say what FAKES is to be compared with: --against DATA"),
            (["FAKES", "--against", "REALS", "--metrics", "frechett"], "no metric 'frechett'. Did you mean"),
            (["FAKES", "--against", "REALS", "--metrics", "label-fidelity"], "'label-fidelity' needs labels"),
            (["FAKES", "--against", "REALS", "--split", "dev"], "no split 'dev'"),
            (["FAKES", "--against", "REALS", "--count", "1"], "--count is 1, but"),
            (["FAKES", "--against", "REALS", "--extractor", "incepton"], "There is no extractor 'incepton'"),
            (["FAKES", "--against", "REALS", "--out", "page.txt"], "--out is page.txt, but it must end in .html"),
            (["FAKES", "--against", "avatars-16"], "8x8 pixels in 3 channel(s), but they are to be compared with"),
        ],
        ids=lambda value: None if isinstance(value, str) else " ".join(value[-2:]),
    )
    def test_what_cannot_be_is_one_message(
        self, belamy: Command, fakes: Path, reals: Path, words: list[str], says: str
    ) -> None:
        places = {"FAKES": str(fakes), "REALS": str(reals)}
        said = belamy("evaluate", *(places.get(word, word) for word in words), "--no-progress")
        assert said.returncode == 2 and says.replace("FAKES", str(fakes)) in said.stderr
        assert said.stderr.count("\n") == 1 and "Traceback" not in said.stderr

    def test_mixed_sizes_are_refused_until_a_size_is_named(self, belamy: Command, reals: Path, tmp_path: Path) -> None:
        folder = write_photos(tmp_path / "mixed", 10)
        Image.fromarray(np.zeros((20, 20), dtype=np.uint8)).save(folder / "large.png")
        said = belamy("evaluate", folder, "--against", reals, *QUICK)
        assert said.returncode == 2 and "pictures of 2 sizes: 8x8, 20x20" in said.stderr
        said = belamy("evaluate", folder, "--against", reals, *QUICK, "--size", "8", "--json", "-")
        assert said.returncode == 0 and json.loads(said.stdout)["card"]["fit"] == "crop to 8"

    def test_samples_on_disk_are_judged_like_the_run_that_drew_them(
        self, belamy: Command, trained: Path, photos: Path, tmp_path: Path
    ) -> None:
        shutil.copytree(trained, tmp_path / "run")
        assert belamy("sample", tmp_path / "run", "--count", "40", "--out", tmp_path / "files").returncode == 0
        drawn, written = (
            json.loads(belamy("evaluate", source, "--against", photos, *QUICK, "--json", "-").stdout)
            for source in (tmp_path / "run", tmp_path / "files")
        )
        assert drawn["measures"] == written["measures"]

    def test_controls_do_badly(self, belamy: Command, fakes: Path, reals: Path) -> None:
        said = belamy("evaluate", fakes, "--against", reals, *QUICK, "--controls", "--json", "-")
        facts = json.loads(said.stdout)
        controls = facts["measures"]["frechet"]["controls"]
        assert controls.keys() == {"noise", "copies"} and "--controls" in facts["command"]
        assert controls["copies"] < facts["measures"]["frechet"]["value"]
        said = belamy("evaluate", fakes, "--against", reals, *QUICK, "--controls", "--no-floor")
        assert said.stdout.splitlines()[4].split()[-2:] == ["noise", "copies"]

    def test_nothing_is_overwritten_unasked(self, belamy: Command, fakes: Path, reals: Path, tmp_path: Path) -> None:
        page = tmp_path / "page.html"
        page.write_text("mine")
        said = belamy("evaluate", fakes, "--against", reals, *QUICK, "--out", page)
        assert said.returncode == 2 and "is there already" in said.stderr and page.read_text() == "mine"
        assert belamy("evaluate", fakes, "--against", reals, *QUICK, "--out", page, "--overwrite").returncode == 0


class TestCompareMetrics:
    def test_one_table_where_the_protocol_is_the_same(
        self, belamy: Command, fakes: Path, reals: Path, tmp_path: Path
    ) -> None:
        first = result(belamy, fakes, reals, tmp_path / "a.json")
        second = result(belamy, fakes, reals, tmp_path / "b.json", "--seed", "1")
        said = belamy("compare-metrics", first, second)
        assert said.returncode == 0, said.stderr
        assert "fakes (1)" in said.stdout and "fakes (2)" in said.stdout
        assert "fakes (1) and fakes (2) are not significantly different" in said.stdout

    def test_other_images_are_significantly_different(
        self, belamy: Command, fakes: Path, reals: Path, tmp_path: Path
    ) -> None:
        same = tmp_path / "same.npy"
        np.save(same, np.random.default_rng(5).integers(0, 256, (60, 8, 8), dtype=np.uint8))
        first = result(belamy, fakes, reals, tmp_path / "a.json")
        second = result(belamy, same, reals, tmp_path / "b.json")
        facts = json.loads(belamy("compare-metrics", first, second, "--json", "-").stdout)
        assert facts["comparable"] and not any(line.startswith("frechet") for line in facts["same"])

    def test_other_protocols_are_refused_and_named(
        self, belamy: Command, fakes: Path, reals: Path, tmp_path: Path
    ) -> None:
        first = result(belamy, fakes, reals, tmp_path / "a.json")
        second = result(belamy, fakes, reals, tmp_path / "b.json", "--count", "30", "--split", "train")
        said = belamy("compare-metrics", first, second)
        assert said.returncode == 2
        assert "split (all against train)" in said.stderr and "n_generated (40 against 30)" in said.stderr
        assert "Evaluate them again with the same --split" in said.stderr and "--label" in said.stderr
        said = belamy("compare-metrics", first, second, "--label")
        assert said.returncode == 0 and "shown apart and do not rank" in said.stdout
        assert "n_generated" in said.stdout and "not significantly" not in said.stdout

    def test_another_option_of_a_shared_metric_is_another_protocol(
        self, belamy: Command, fakes: Path, reals: Path, tmp_path: Path
    ) -> None:
        first = result(belamy, fakes, reals, tmp_path / "a.json", "--metrics", "precision-recall:k=3")
        second = result(belamy, fakes, reals, tmp_path / "b.json", "--metrics", "precision-recall:k=5")
        said = belamy("compare-metrics", first, second)
        assert said.returncode == 2 and "metric precision-recall (k=3 against k=5)" in said.stderr

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            (None, "There is no file"),
            ("{", "is not readable JSON"),
            ("[]", "it holds no object"),
            ("{}", "it is no result of `belamy evaluate --json`"),
            ('{"format": 99}', "newer Belamy (format 99"),
        ],
        ids=["absent", "cut short", "a list", "something else", "newer"],
    )
    def test_what_is_no_result(
        self, belamy: Command, fakes: Path, reals: Path, tmp_path: Path, text: str | None, says: str
    ) -> None:
        first, other = result(belamy, fakes, reals, tmp_path / "a.json"), tmp_path / "other.json"
        if text is not None:
            other.write_text(text)
        said = belamy("compare-metrics", first, other)
        assert said.returncode == 2 and says in said.stderr and "Traceback" not in said.stderr

    def test_one_is_nothing_to_compare(self, belamy: Command, fakes: Path, reals: Path, tmp_path: Path) -> None:
        said = belamy("compare-metrics", result(belamy, fakes, reals, tmp_path / "a.json"))
        assert said.returncode == 2 and "a comparison needs 2 or more" in said.stderr


class TestWhileTraining:
    """Validation every k samples changes nothing but what is told and kept."""

    JUDGED = ("--evaluate-every", "32", "--evaluate-count", "20", "--keep-best", "frechet")

    def words(self, reals: Path, out: Path) -> list[str | Path]:
        recipe = ["train", "dcgan-mnist", "--data", reals, *SMALL, "--samples", "96", "--average", "20"]
        return [*recipe, "--out", out, "--no-progress", "--device", "cpu", "--no-watch"]

    @pytest.fixture
    def judged(self, belamy: Command, reals: Path, tmp_path: Path) -> Run:
        assert belamy(*self.words(reals, tmp_path / "judged"), *self.JUDGED).returncode == 0
        return Run.open(tmp_path / "judged")

    def test_training_is_the_same_to_the_last_bit(
        self, belamy: Command, reals: Path, judged: Run, tmp_path: Path
    ) -> None:
        assert belamy(*self.words(reals, tmp_path / "plain")).returncode == 0
        plain = Run.open(tmp_path / "plain")
        for name in ("weights/generator.safetensors", f"checkpoints/{96:012d}/state.safetensors"):
            assert (plain.path / name).read_bytes() == (judged.path / name).read_bytes()

    def test_rows_and_curves(self, belamy: Command, judged: Run) -> None:
        rows = [row for row in judged.metrics() if "judged" in row]
        assert [row["samples"] for row in rows] == [32, 64, 96]
        assert rows[0]["judged"].keys() >= {"frechet", "diversity"} and rows[0]["floor"]["frechet"] > 0
        assert rows[0]["intervals"]["frechet"][0] <= rows[0]["judged"]["frechet"] and "N=12/20" in rows[0]["protocol"]
        assert "Judged: frechet" in (judged.path / "report.html").read_text()

    def test_the_best_weights_are_kept_and_can_be_drawn_with(
        self, belamy: Command, judged: Run, tmp_path: Path
    ) -> None:
        rows = [row for row in judged.metrics() if "judged" in row]
        nearest = min(rows, key=lambda row: abs(row["judged"]["frechet"] - row["floor"]["frechet"]))
        best = judged.best()
        assert best is not None and best.samples == nearest["samples"]
        assert best.value == nearest["judged"]["frechet"]
        for weights in ("best", "newest"):
            out = tmp_path / f"{weights}.npz"
            assert belamy("sample", judged.path, "--weights", weights, "--count", "4", "--out", out).returncode == 0
        said = belamy("evaluate", judged.path, *QUICK, "--weights", "best", "--json", "-")
        assert said.returncode == 0 and "--weights best" in json.loads(said.stdout)["command"]

    def test_an_interrupted_run_goes_on_with_its_schedule(
        self, belamy: Command, reals: Path, judged: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        usual, calls = Validator.validate, []

        def stopped(self: Validator, *given: object) -> object:
            calls.append(1)
            if len(calls) == 2:
                raise KeyboardInterrupt
            return usual(self, *given)  # type: ignore[arg-type]

        cut = tmp_path / "cut"
        with monkeypatch.context() as patch:
            patch.setattr(Validator, "validate", stopped)
            saving = ("--checkpoint-seconds", "0")
            assert belamy(*self.words(reals, cut), *self.JUDGED, *saving).returncode == 130
        assert belamy("resume", cut, "--no-progress", "--device", "cpu").returncode == 0
        run = Run.open(cut)
        one, other = ([row for row in each.metrics() if "judged" in row] for each in (run, judged))
        assert one == other and run.best() == judged.best()
        index = Path("weights/generator.safetensors")
        assert (cut / index).read_bytes() == (judged.path / index).read_bytes()

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (["--keep-best", "frechet"], "--keep-best says what to do when samples are judged"),
            (["--metrics", "frechet"], "--metrics says what to do when samples are judged"),
            (["--evaluate-every", "0"], "--evaluate-every is 0, but it must be at least 1"),
            (["--evaluate-every", "32", "--evaluate-count", "1"], "evaluate_count is 1"),
            (["--evaluate-every", "32", "--keep-best", "frechett"], "--keep-best is 'frechett', which is none of"),
            (["--evaluate-every", "32", "--metrics", "modes"], "The metric 'modes' needs"),
        ],
        ids=lambda value: None if isinstance(value, str) else " ".join(value),
    )
    def test_what_cannot_be_is_refused_before_anything_is_written(
        self, belamy: Command, reals: Path, tmp_path: Path, words: list[str], says: str
    ) -> None:
        said = belamy(*self.words(reals, tmp_path / "refused"), *words)
        assert said.returncode == 2 and says in said.stderr and not (tmp_path / "refused").exists()

    def test_there_may_be_no_best(self, belamy: Command, trained: Path) -> None:
        said = belamy("sample", trained, "--weights", "best")
        assert said.returncode == 2 and "has kept no best weights" in said.stderr

    def test_what_cannot_be_judged_does_not_end_the_training(
        self, belamy: Command, reals: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from belamy.errors import UsageError
        from belamy.evaluation.panel import Panel

        def fails(*_given: object, **_more: object) -> None:
            raise UsageError("Some features are NaN.")

        monkeypatch.setattr(Panel, "judge_method", fails)
        assert belamy(*self.words(reals, tmp_path / "run"), *self.JUDGED).returncode == 0
        events = [row for row in Run.open(tmp_path / "run").journal() if row["event"] == "not-judged"]
        assert len(events) == 3 and events[0]["reason"] == "Some features are NaN."
