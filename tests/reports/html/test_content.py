"""The HTML report, read back by a parser: what is in it, and what is never in it."""

from __future__ import annotations

import base64
import io
import json
import re
import subprocess
import sys
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import numpy as np
import pytest
import synthetic_runs
from PIL import Image

from genbench.metrics.cards import METRIC_CARDS
from genbench.plugin.discovery import load_registry
from genbench.plugin.registry import Registry
from genbench.records.run_folder import Run
from genbench.samples.conditional_samples import CLASS_SAMPLES_FILE, COMPLETIONS_FILE, LATENT_TRAVERSALS_FILE
from genbench.samples.masks import make_mask
from genbench.util.tensor_files import TensorFile, write_tensors
from genbench_reports.format.joined_runs import JoinedRuns
from genbench_reports.html.metric_facts import PITFALLS
from genbench_reports.html.page import render_html
from genbench_reports.samples.completions import MASKS
from genbench_reports.samples.image_grids import tiles_of
from genbench_reports.samples.latents import GRIDS
from genbench_reports.samples.png import NOT_GIVEN

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'{{ 7*7 }}"
MODELS = {"vae": "vae", "dcgan": "gan", HOSTILE: "flow", "held-out": "baseline", "dead": "energy"}
ADDRESSES = {"src", "href", "srcset", "action", "data", "poster", "formaction"}


class Page(HTMLParser):
    """text: what a reader may see; verbatim: the parts of it in <pre>. scripts: what a browser would run or read.
    images: sources by what is said of them."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.ids: list[str] = []
        self.verbatim: list[str] = []
        self.images: dict[str, str] = {}
        self._is_verbatim = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag == "img":
            named = dict(attrs)
            self.images[named.get("alt") or ""] = named.get("src") or ""
        if tag == "script":
            self.scripts.append((dict(attrs), ""))
        if tag == "pre":
            self._is_verbatim = True
            self.verbatim.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "pre":
            self._is_verbatim = False

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script":
            kind, text = self.scripts[-1]
            self.scripts[-1] = (kind, text + data)
        elif self.cdata_elem is None:
            self.text += data
            if self._is_verbatim:
                self.verbatim[-1] += data


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    cards = [synthetic_runs.card(kind) for kind in ("grey", "plane", "series", "letters", "music")]
    cards[0] = synthetic_runs.card("grey", f"images {HOSTILE}")
    return synthetic_runs.write_run(
        tmp_path_factory.mktemp("run") / "run", cards, MODELS, failures={"dead": f"SIGSEGV {HOSTILE}"}
    )


@pytest.fixture(scope="module")
def html(run: Run, registry: Registry) -> str:
    return render_html(run, registry)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_every_model_data_set_and_failure_is_there(page: Page) -> None:
    for expected in (
        *MODELS,
        "some-plane",
        "some-music",
        f"images {HOSTILE}",
        f"SIGSEGV {HOSTILE}",
        "killed",
    ):
        assert expected in page.text, expected
    # the end of the log of the job that failed, as text
    assert "the last <b>line</b>" in page.text


def test_names_never_become_markup(page: Page) -> None:
    kinds = [kind.get("type") for kind, _ in page.scripts]
    assert kinds == ["application/json", "text/plain", None]
    assert not [each for each in page.attributes if each[1].startswith("on")]
    assert "{{ 7*7 }}" in page.text
    assert not [each for each in page.attributes if each[0] == "img" and not each[2] and each[1] == "src"]


def test_names_in_the_data_for_charts_are_intact(page: Page) -> None:
    _, text = page.scripts[0]
    assert not set("<>&") & set(text)
    boards = json.loads(text)["boards"]
    assert HOSTILE in {line["label"] for board in boards for line in board["curve"]["lines"]}
    assert HOSTILE in {entry["label"] for board in boards for entry in board["trade"]["entries"]}


def test_nothing_is_loaded_from_anywhere(page: Page) -> None:
    for _, name, value in page.attributes:
        if name in ADDRESSES:
            assert value.startswith(("#", "data:")), (name, value[:80])
    (policy,) = [
        value for tag, name, value in page.attributes if name == "content" and "default-src" in value
    ]
    assert "default-src 'none'" in policy
    assert "http" not in policy


def test_links_within_the_page_lead_somewhere(page: Page) -> None:
    assert len(page.ids) == len(set(page.ids))
    targets = {value[1:] for tag, name, value in page.attributes if name == "href" and value.startswith("#")}
    assert targets <= set(page.ids)
    assert "metric-frechet_distance" in targets


def test_every_modality_shows_its_samples(page: Page) -> None:
    images = [value for tag, name, value in page.attributes if (tag, name) == ("img", "src")]
    assert all(value.startswith("data:image/png;base64,") for value in images)
    alternatives = [value for tag, name, value in page.attributes if (tag, name) == ("img", "alt")]
    assert len(images) == len(alternatives)
    for model in ("vae", "dcgan", HOSTILE, "held-out", "held-out real data"):
        # image, points and series; of music three rolls
        assert alternatives.count(f"Samples of {model}") == 3, model
        assert alternatives.count(f"Piano roll of {model}") == 3, model
    assert sum(value.startswith("data:audio/midi") for _, _, value in page.attributes) == 5 * 3
    # text: letters of the card's alphabet, three examples of each source that has samples
    shown = [text for text in page.verbatim if re.fullmatch(r"[ a-z]{64}", text)]
    assert len(shown) == 5 * 3


def test_what_is_kept_beside_samples_is_shown(page: Page) -> None:
    alternatives = [value for tag, name, value in page.attributes if (tag, name) == ("img", "alt")]
    for model in ("vae", "dcgan", HOSTILE):
        assert alternatives.count(f"Completions by {model}") == 4, model
    assert "Completions by held-out" not in alternatives
    assert alternatives.count("Held-out images before anything was taken away") == 4
    for missing in MASKS.values():
        assert f"What is given, without {missing}" in alternatives
    # the VAE and the flow encode
    for words in GRIDS.values():
        assert [each for each in alternatives if each.startswith(words)] == [
            f"{words}, vae",
            f"{words}, {HOSTILE}",
        ]


def test_a_mask_that_a_model_refuses_has_its_reason_and_entropies_their_scale(
    tmp_path: Path, registry: Registry
) -> None:
    run = synthetic_runs.write_run(
        tmp_path / "run", [synthetic_runs.card("grey")], {"pixelcnn": "autoregressive", "vae": "vae"}
    )
    page = Page(render_html(run, registry))
    alternatives = [value for tag, name, value in page.attributes if (tag, name) == ("img", "alt")]
    assert alternatives.count("Completions by pixelcnn") == 1
    assert alternatives.count("Completions by vae") == 4
    assert "cannot <b>centre</b>" in page.text
    # log 256
    assert "from 0 (black) to 5.55 nats (white)" in page.text


def test_damaged_completions_cost_their_own_picture(tmp_path: Path, registry: Registry) -> None:
    card = synthetic_runs.card("grey")
    run = synthetic_runs.write_run(tmp_path / "run", [card], {"vae": "vae", "flow": "flow"})
    damaged = next(job for job in run.plan.jobs if job.model == "vae" and job.seed == 0)
    for name in (COMPLETIONS_FILE, LATENT_TRAVERSALS_FILE):
        (run.job_folder(damaged) / name).write_bytes(b"no such thing")
    page = Page(render_html(run, registry))
    alternatives = [value for tag, name, value in page.attributes if (tag, name) == ("img", "alt")]
    assert alternatives.count("Completions by flow") == 4
    assert "Completions by vae" not in alternatives
    assert "Samples of vae" in alternatives
    assert not [each for each in alternatives if each.endswith("deviations, vae")]


def test_samples_of_given_classes_are_shown_beside_real_ones(tmp_path: Path, registry: Registry) -> None:
    card = registry.dataset("digits")
    run = synthetic_runs.write_run(tmp_path / "run", [card], {"cgan": "gan", "dall-e": "vae", "vae": "vae"})
    drawn = synthetic_runs.examples(card.spec, 10 * 25, 7).unflatten(0, (10, 25))
    kept = {"cgan": TensorFile({"samples": drawn}), "dall-e": TensorFile({}, {"reason": "no <b>label</b>"})}
    for job in run.plan.jobs:
        if job.model in kept and job.seed == 0:
            file = kept[job.model]
            write_tensors(file.tensors, run.job_folder(job) / CLASS_SAMPLES_FILE, file.texts)
    page = Page(render_html(run, registry))
    shown = {name: source for name, source in page.images.items() if "a class a row" in name}
    assert sorted(shown) == [
        "Held-out real data, a class a row",
        "Samples of given classes, a class a row, by cgan",
    ]
    real, made = (
        Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))) for source in shown.values()
    )
    assert real.size == made.size
    # ten rows of tiles of eight pixels, with lines between them
    assert (real.size[1] + 1) % 90 == 0
    assert "no <b>label</b>" in page.text


def test_what_is_given_is_shown_and_the_rest_has_a_colour_of_its_own() -> None:
    spec = synthetic_runs.card("grey").spec
    x = synthetic_runs.examples(spec, 3, 0)
    tiles = tiles_of(spec, x)
    assert tiles is not None
    assert tiles.draw_given is not None
    given = make_mask("centre", spec, 3, 0)
    shown, whole = (
        np.asarray(Image.open(io.BytesIO(base64.b64decode(each.uri.partition(",")[2]))).convert("RGB"))
        for each in (tiles.draw_given(x, given, 3), tiles.draw(x, 3))
    )
    for number in range(3):
        part = slice(29 * number, 29 * number + 28)
        is_given = given[number, 0].numpy()
        assert (shown[:, part][~is_given] == NOT_GIVEN).all()
        assert (shown[:, part][is_given] == whole[:, part][is_given]).all()


def test_every_figure_is_explained_with_its_pitfall(page: Page) -> None:
    assert {card.name for card in METRIC_CARDS} == PITFALLS.keys()
    for name in ("frechet_distance", "autocorrelation_difference", "copied_share"):
        assert PITFALLS[name] in page.text


def test_the_same_run_gives_the_same_page(run: Run, registry: Registry, html: str) -> None:
    assert render_html(run, registry) == html


def test_the_first_screen_has_the_verdict_the_families_and_the_state_of_the_run(page: Page) -> None:
    begin = page.text.index("genai-bench report")
    first = page.text[begin : page.text.index("Filter models by name")]
    for expected in ("60 of 75 jobs ok, 15 killed", "10 s ", "best model", "5 of 5"):
        assert expected in first, expected


def test_one_seed_claims_nothing(tmp_path: Path, registry: Registry) -> None:
    run = synthetic_runs.write_run(
        tmp_path / "run", [synthetic_runs.card("plane")], {"vae": "vae", "gan": "gan"}, seeds=1
    )
    text = Page(render_html(run, registry)).text
    assert "no claim is made about other seeds" in text
    assert "tell it from all others" not in text


def test_a_run_without_samples_says_so(tmp_path: Path, registry: Registry) -> None:
    card = synthetic_runs.card("grey")
    run = synthetic_runs.write_run(tmp_path / "run", [card], {"vae": "vae", "gan": "gan"}, samples=False)
    page = Page(render_html(run, registry))
    assert "samples.safetensors is missing" in page.text
    assert str(tmp_path) not in page.text
    assert not [value for tag, _, value in page.attributes if tag == "img"]


def test_damaged_samples_cost_their_own_picture(tmp_path: Path, registry: Registry) -> None:
    card = synthetic_runs.card("grey")
    run = synthetic_runs.write_run(tmp_path / "run", [card], {"vae": "vae", "gan": "gan"})
    run.samples_path(run.plan.jobs[0]).write_bytes(b"no such thing")
    page = Page(render_html(run, registry))
    alternatives = [value for tag, name, value in page.attributes if (tag, name) == ("img", "alt")]
    assert "Samples of gan" in alternatives
    assert "Samples of vae" not in alternatives
    assert "is damaged" in page.text


def test_real_data_of_another_version_are_not_shown(tmp_path: Path, registry: Registry) -> None:
    card = synthetic_runs.card("grey")
    run = synthetic_runs.write_run(tmp_path / "run", [card], {"vae": "vae"})
    run.plan.datasets[card.name] = msgspec.structs.replace(card, version="2")
    page = Page(render_html(run, registry))
    alternatives = [value for tag, name, value in page.attributes if (tag, name) == ("img", "alt")]
    assert alternatives[0] == "Samples of vae"
    # what would stand beside real data
    assert not [each for each in alternatives if "held-out real" in each or "nearest training" in each]
    assert not [each for each in alternatives if each.startswith("Completions")]
    assert "no real data beside the samples: this machine has version 2" in page.text


def test_a_run_of_one_failed_job(tmp_path: Path, registry: Registry) -> None:
    run = synthetic_runs.write_run(
        tmp_path / "run",
        [synthetic_runs.card("plane")],
        {"dead": "gan"},
        seeds=1,
        failures={"dead": "SIGSEGV in train"},
    )
    text = Page(render_html(run, registry)).text
    assert "0 of 1 job ok, 1 killed" in text
    assert "SIGSEGV in train" in text
    assert "the last <b>line</b>" in text


def test_an_empty_run(tmp_path: Path, registry: Registry) -> None:
    run = synthetic_runs.write_run(tmp_path / "run", [], {})
    assert "There are no results." in Page(render_html(run, registry)).text


def test_a_data_set_that_nobody_announces(tmp_path: Path, registry: Registry) -> None:
    run = synthetic_runs.write_run(tmp_path / "run", [synthetic_runs.card("plane")], {"vae": "vae"})
    run.plan.datasets.clear()
    assert "no installed plugin announces some-plane" in Page(render_html(run, registry)).text


def test_joined_runs_show_the_samples_of_each(tmp_path: Path, registry: Registry) -> None:
    card = synthetic_runs.card("grey")
    parts = [
        synthetic_runs.write_run(tmp_path / name, [card], {name: family})
        for name, family in (("vae", "vae"), ("dcgan", "gan"))
    ]
    page = Page(render_html(JoinedRuns(parts), registry))
    alternatives = [value for tag, name, value in page.attributes if (tag, name) == ("img", "alt")]
    assert {"Samples of vae", "Samples of dcgan"} <= set(alternatives)


def test_the_factory_renders_with_the_plugins_of_this_process(run: Run, html: str) -> None:
    assert render_html(run, load_registry()) == html


def test_listing_formats_imports_neither_templates_nor_charts() -> None:
    code = (
        "import sys, genbench_reports; list(genbench_reports.genbench_reports());"
        "print(sorted({'jinja2', 'plotly', 'matplotlib', 'torch', 'pandas'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_wheel_has_templates_scripts_and_style(tmp_path: Path, repository: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=repository,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    folder = repository / "reports" / "genbench_reports" / "html"
    names = {
        f"genbench_reports/html/{path.relative_to(folder)}"
        for path in (*folder.glob("templates/*"), *folder.glob("assets/*"))
    }
    assert len(names) > 10
    assert names <= set(zipfile.ZipFile(wheel).namelist())


def test_alphabets_have_a_symbol_for_every_code(registry: Registry) -> None:
    cards = [card for card in registry.datasets.values() if card.alphabet is not None]
    assert cards
    for card in cards:
        assert card.alphabet is not None
        assert len(set(card.alphabet)) == len(card.alphabet) == card.spec.levels
