"""Several runs in one repository: each under its name, none in the way of another."""

import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import yaml

from .conftest import MakeRun, Publisher, rows_by_split


def head(card: str) -> dict[str, object]:
    """The YAML of a card."""
    data: dict[str, object] = yaml.safe_load(card.split("---\n")[1])
    return data


def part(card: str, config: str) -> str:
    """What a card says of a configuration."""
    found = re.search(
        rf'<!-- duplexdata push [^\n]*"config": "{config}".*?<!-- the end of {config} -->',
        card,
        re.DOTALL,
    )
    assert found, card
    return found[0]


def test_two_configurations(publisher: Publisher, make_run: MakeRun) -> None:
    """Each loads under its name; the second push changes no byte of what the first made."""
    tdm, duo = make_run("tdm"), make_run("duo")
    publisher.push(tdm, "someone/talk", "--config-name", "tdm")
    files, card = publisher.files("someone/talk"), publisher.file("someone/talk", "README.md")
    publisher.push(duo, "someone/talk", "--config-name", "duo")
    after = publisher.file("someone/talk", "README.md")
    assert set(files) < set(publisher.files("someone/talk"))
    assert part(after, "tdm") == part(card, "tdm")
    assert [one["config_name"] for one in head(after)["configs"]] == ["tdm", "duo"]  # type: ignore[attr-defined]
    assert 'load_dataset("someone/talk", "duo", split="train")' in part(after, "duo")
    assert publisher.load("someone/talk", "tdm") == rows_by_split(tdm)
    assert publisher.load("someone/talk", "duo") == rows_by_split(duo)


def test_a_new_run_of_one_leaves_the_other(publisher: Publisher, make_run: MakeRun) -> None:
    """Fewer shards than before leave none behind; the other's rows and the old revision stay."""
    blocks, duo, tdm = make_run("tdm_blocks"), make_run("duo"), make_run("tdm")
    publisher.push(blocks, "someone/talk", "--config-name", "tdm")
    old = publisher.repository("someone/talk").resolve("main")
    publisher.push(duo, "someone/talk")
    publisher.push(tdm, "someone/talk", "--config-name", "tdm")
    assert publisher.load("someone/talk", "tdm") == rows_by_split(tdm)
    assert publisher.load("someone/talk", "default") == rows_by_split(duo)
    assert publisher.load("someone/talk", "tdm", old) == rows_by_split(blocks)
    shards = [one for one in publisher.files("someone/talk") if one.startswith("tdm/data/")]
    assert len(shards) == len(list((tdm / "data").iterdir()))
    sizes = head(publisher.file("someone/talk", "README.md"))["size_categories"]
    assert sizes == ["n<1K"]


def test_somebody_else_writes_meanwhile(publisher: Publisher, make_run: MakeRun) -> None:
    """Where the branch has moved, what is there is read anew and the push ends well."""
    folder = make_run("duo")
    publisher.hub.config(faults=[{"match": "POST .*/commit/", "status": 412, "times": 1}])
    publisher.push(folder, "someone/talk")
    assert publisher.load("someone/talk") == rows_by_split(folder)
    publisher.hub.config(faults=[{"match": "POST .*/commit/", "status": 412}])
    done = publisher.run("push", folder, "someone/talk", "--config-name", "more")
    assert done.returncode == 1
    assert "someone/talk was written to meanwhile" in done.stderr


RACE = """
import json, sys
from pathlib import Path
import huggingface_hub
from duplexdata.pipeline.publish.hub import Hub, MovedError, Target
from duplexdata.pipeline.screen import Screen
hub = Hub(Target("someone/talk"), Screen())
hub.prepare()
there = hub.read("")
huggingface_hub.upload_file(
    path_or_fileobj=b"1", path_in_repo="other", repo_id="someone/talk", repo_type="dataset"
)
try:
    hub.send(Path(sys.argv[1]), there, [], "ours")
except MovedError:
    print(json.dumps("moved"))
"""


def test_nothing_is_written_over_what_was_not_read(publisher: Publisher, make_run: MakeRun) -> None:
    """A commit of somebody else between reading and writing is seen, and not undone."""
    assert publisher.python(RACE, str(make_run("duo"))) == "moved"
    assert publisher.files("someone/talk") == [".gitattributes", "other"]


UPLOAD = """
import json, sys, huggingface_hub as hub
api = hub.HfApi()
api.create_repo("someone/talk", repo_type="dataset", exist_ok=True)
data = open(sys.argv[2], "rb").read()
api.upload_file(
    path_or_fileobj=data, path_in_repo=sys.argv[1], repo_id="someone/talk", repo_type="dataset"
)
print(json.dumps(None))
"""


def test_what_people_wrote_into_the_card_stays(
    publisher: Publisher, make_run: MakeRun, tmp_path: Path
) -> None:
    """Text and YAML of others are kept around the part that a push writes."""
    mine = tmp_path / "card.md"
    head_of_others = "license: apache-2.0\npretty_name: Our talk\nlanguage: de\ntags: [talk]"
    others = "configs:\n- config_name: old\n  data_files: old/*.csv"
    mine.write_text(f"---\n{head_of_others}\n{others}\n---\n\n# Our talk\n\nBy us.\n", "utf-8")
    publisher.python(UPLOAD, "README.md", str(mine))
    publisher.push(make_run("duo"), "someone/talk", "--config-name", "duo")
    publisher.push(make_run("tdm"), "someone/talk", "--config-name", "duo")
    card = publisher.file("someone/talk", "README.md")
    assert "# Our talk\n\nBy us.\n" in card
    assert card.count("the end of duo") == 1
    assert "time slices" in part(card, "duo")
    found = head(card)
    assert found["pretty_name"] == "Our talk"
    assert found["language"] == ["de", "en", "zh"]
    assert found["tags"][0] == "talk"  # type: ignore[index]
    assert found["configs"][0] == {"config_name": "old", "data_files": "old/*.csv"}  # type: ignore[index]


def test_a_card_without_a_head(publisher: Publisher, make_run: MakeRun, tmp_path: Path) -> None:
    """A card that is text alone gets a head, and keeps its text."""
    mine = tmp_path / "card.md"
    mine.write_text("# Ours\n", "utf-8")
    publisher.python(UPLOAD, "README.md", str(mine))
    folder = make_run("duo")
    publisher.push(folder, "someone/talk")
    card = publisher.file("someone/talk", "README.md")
    assert "\n# Ours\n" in card
    assert head(card)["license"] == "apache-2.0"
    assert publisher.load("someone/talk") == rows_by_split(folder)


def test_rows_of_others_are_not_replaced(
    publisher: Publisher, make_run: MakeRun, tmp_path: Path
) -> None:
    """A repository with other data where the rows would go is refused and stays as it is."""
    folder = make_run("duo")
    other = tmp_path / "train-00000.parquet"
    pq.write_table(pq.read_table(folder / "left_out.parquet"), other)
    publisher.python(UPLOAD, "data/train-00000.parquet", str(other))
    files = publisher.files("someone/talk")
    done = publisher.run("push", folder, "someone/talk")
    assert done.returncode == 2
    assert "someone/talk holds data/train-00000.parquet, which is of no run" in done.stderr
    assert publisher.files("someone/talk") == files
    publisher.push(folder, "someone/talk", "--config-name", "duo")
    assert publisher.load("someone/talk", "duo") == rows_by_split(folder)


def test_a_card_changed_by_hand_is_sent_as_it_is(publisher: Publisher, make_run: MakeRun) -> None:
    """What the user wrote into README.md reaches the Hub; an unchanged card is written anew."""
    folder = make_run("duo")
    readme = folder / "README.md"
    changed = readme.read_text("utf-8").replace("## Limits", "## A word\n\nOurs.\n\n## Limits")
    readme.write_text(changed, "utf-8")
    publisher.push(folder, "someone/talk")
    card = publisher.file("someone/talk", "README.md")
    assert "## A word\n\nOurs." in card
    assert "duplexdata card" not in card
    assert readme.read_text("utf-8") == changed
    facts = re.search(r"the end: (\{.*\}) -->", card)
    assert facts
    assert json.loads(facts[1])["rows"] == len(rows_by_split(folder)["train"])


def test_a_card_without_its_head_is_given_one(publisher: Publisher, make_run: MakeRun) -> None:
    """Text alone is a card; keys that the user added to the head go along with ours."""
    folder = make_run("duo")
    (folder / "README.md").write_text("# Ours\n", "utf-8")
    publisher.push(folder, "someone/talk", "--config-name", "a")
    text = "---\npretty_name: B\ntags: [mine]\nlicense: mit\n---\n# Too\n"
    (folder / "README.md").write_text(text, "utf-8")
    publisher.push(folder, "someone/talk", "--config-name", "b")
    card = publisher.file("someone/talk", "README.md")
    assert "\n# Ours\n" in part(card, "a")
    found = head(card)
    assert found["pretty_name"] == "B"
    assert "mine" in found["tags"]  # type: ignore[operator]
    assert found["license"] == "apache-2.0"
    assert publisher.load("someone/talk", "b") == rows_by_split(folder)


def test_a_head_that_cannot_be_read_is_told(
    publisher: Publisher, make_run: MakeRun, tmp_path: Path
) -> None:
    """Here before anything is sent, there before anything is written; exit 2 both times."""
    folder = make_run("duo")
    good = (folder / "README.md").read_text("utf-8")
    (folder / "README.md").write_text("---\na: [b\n---\n# Ours\n", "utf-8")
    done = publisher.run("push", folder, "someone/talk")
    assert done.returncode == 2
    assert f"the head of {folder / 'README.md'} cannot be read" in done.stderr
    assert publisher.hub.stats()["log"] == []
    (folder / "README.md").write_text(good, "utf-8")
    mine = tmp_path / "card.md"
    mine.write_text("---\n- a list\n---\n", "utf-8")
    publisher.hub.config(faults=[{"match": "validate-yaml", "status": 200}])
    publisher.python(UPLOAD, "README.md", str(mine))
    publisher.hub.config()
    done = publisher.run("push", folder, "someone/talk")
    assert done.returncode == 2
    assert "the head of the repository's README.md cannot be read" in done.stderr


def test_another_licence_is_asked_about(publisher: Publisher, make_run: MakeRun) -> None:
    """A repository under one licence takes a run under another only if it is named."""
    folder = make_run("duo")
    publisher.push(folder, "someone/talk", "--config-name", "a", "--license", "mit")
    done = publisher.run("push", folder, "someone/talk", "--config-name", "b")
    assert done.returncode == 2
    assert "someone/talk is under mit, this run under apache-2.0" in done.stderr
    publisher.push(folder, "someone/talk", "--config-name", "b", "--license", "mit")
    assert head(publisher.file("someone/talk", "README.md"))["license"] == "mit"
