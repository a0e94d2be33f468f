"""The real client against a Hub on the loopback interface."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lakehouse.core.errors import ReleaseError
from lakehouse.core.project import Project
from lakehouse.delivery.release.bundle import write_bundle
from lakehouse.delivery.release.hub import push
from lakehouse.delivery.release.release import release, releases, rollback

from .factory import content, make, reviews, under_version_control
from .hub_server import TOKEN, Hub, hub_server

# huggingface_hub 2.4 hands raw bytes to httpx in a way that httpx calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with hub_server() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield running


def test_a_push_is_one_commit_and_one_tag_with_every_byte(project: Project, hub: Hub) -> None:
    bundle = write_bundle(project, make(project, reviews(*range(12))))
    done = push(bundle, "acme/reviews", "1.0.0", private=True)
    repo = hub.repos["acme/reviews"]
    assert repo.private
    assert [commit.message for commit in repo.commits] == ["initial commit", "reviews v1.0.0"]
    assert repo.tags == {"v1.0.0": repo.commits[-1].oid}
    assert (done.sent, done.commit, done.tag) == (True, repo.commits[-1].oid, "v1.0.0")
    files = {path: data for path, data in repo.commits[-1].files.items() if path != ".gitattributes"}
    assert files == content(bundle.folder)
    assert set(done.files) == set(files)


def test_the_same_bundle_again_is_nothing_to_do(project: Project, hub: Hub) -> None:
    bundle = write_bundle(project, make(project, reviews(*range(12))))
    first = push(bundle, "acme/reviews", "1.0.0")
    hub.requests.clear()
    again = push(bundle, "acme/reviews", "v1.0.0")
    assert (again.sent, again.commit, again.reason) == (False, first.commit, "the Hub holds this bundle already")
    assert not any("/commit/" in request or "/tag/" in request for request in hub.requests)
    assert len(hub.repos["acme/reviews"].commits) == 2


def test_the_next_version_replaces_the_files_and_keeps_the_old_tag(project: Project, hub: Hub) -> None:
    push(write_bundle(project, make(project, reviews(*range(12)))), "acme/reviews", "1.0.0")
    old = dict(hub.repos["acme/reviews"].commits[-1].files)
    bundle = write_bundle(project, make(project, reviews(*range(12), split="train"), "1.1.0"))
    push(bundle, "acme/reviews", "1.1.0")
    repo = hub.repos["acme/reviews"]
    assert len(repo.commits) == 3
    assert "data/test-00000-of-00001.parquet" not in repo.commits[-1].files
    assert ".gitattributes" in repo.commits[-1].files
    assert repo.at("v1.0.0").files == old


def test_a_tag_that_would_move_is_refused_and_nothing_is_committed(project: Project, hub: Hub) -> None:
    push(write_bundle(project, make(project, reviews(*range(12)))), "acme/reviews", "1.0.0")
    other = write_bundle(project, make(project, reviews(*range(9)), "1.0.0"))
    with pytest.raises(ReleaseError, match=r"tag v1\.0\.0 of acme/reviews already names other content"):
        push(other, "acme/reviews", "1.0.0")
    assert len(hub.repos["acme/reviews"].commits) == 2


def test_a_push_that_ended_before_its_tag_is_finished_without_a_second_commit(project: Project, hub: Hub) -> None:
    bundle = write_bundle(project, make(project, reviews(*range(12))))
    hub.fail = "/tag/"
    with pytest.raises(ReleaseError, match="the Hub refused"):
        push(bundle, "acme/reviews", "1.0.0")
    done = push(bundle, "acme/reviews", "1.0.0")
    repo = hub.repos["acme/reviews"]
    assert done.sent
    assert len(repo.commits) == 2
    assert repo.tags == {"v1.0.0": repo.commits[-1].oid}


def test_without_a_token_nothing_is_sent_and_the_files_are_listed(project: Project, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    bundle = write_bundle(project, make(project, reviews(*range(12))))
    done = push(bundle, "acme/reviews", "1.0.0")
    assert not done.sent
    assert done.reason.startswith("no token")
    assert "README.md" in done.files
    assert "SHA256SUMS" in done.files
    assert done.bytes == sum(map(len, content(bundle.folder).values()))
    assert hub.requests == []
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert push(bundle, "acme/reviews", "1.0.0", dry_run=True).reason == "dry run"
    assert hub.requests == []


def test_a_wrong_token_and_an_absent_hub_are_release_errors(project: Project, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = write_bundle(project, make(project, reviews(*range(12))))
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(ReleaseError, match=r"the Hub refused: .*401"):
        push(bundle, "acme/reviews", "1.0.0")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ReleaseError, match="the Hub cannot be reached"):
        push(bundle, "acme/reviews", "1.0.0")


def test_an_older_version_is_read_back_by_its_tag_and_verifies(project: Project, hub: Hub, tmp_path: Path) -> None:
    push(write_bundle(project, make(project, reviews(*range(12)))), "acme/reviews", "1.0.0")
    old = content(project.release_folder("reviews"))
    push(write_bundle(project, make(project, reviews(*range(9)), "1.1.0")), "acme/reviews", "1.1.0")
    from huggingface_hub import HfApi

    names = sorted(old)
    api = HfApi(endpoint=hub.url, token=TOKEN)
    copies = [
        api.hf_hub_download("acme/reviews", name, repo_type="dataset", revision="v1.0.0", local_dir=tmp_path / "copy") for name in names
    ]
    assert {name: Path(copy).read_bytes() for name, copy in zip(names, copies, strict=True)} == old


@pytest.mark.slow
def test_a_release_pushes_records_and_rolls_the_hub_back_too(project: Project, hub: Hub) -> None:
    make(project, reviews(*range(12)))
    under_version_control(project)
    first = release(project, "reviews", push_hub=True)
    assert first.hub is not None
    assert first.hub.sent
    assert release(project, "reviews", push_hub=True).already
    make(project, reviews(*range(9)), "1.1.0")
    release(project, "reviews", push_hub=True)
    back = rollback(project, "reviews", "1.0.0", push_hub=True)
    repo = hub.repos["acme/reviews"]
    assert set(repo.tags) == {"v1.0.0", "v1.1.0"}
    assert {path: data for path, data in repo.commits[-1].files.items() if path != ".gitattributes"} == content(back.bundle.folder)
    assert [event["label"] for event in releases(project, "reviews")] == ["1.0.0", "1.1.0", "1.0.0"]
    assert releases(project, "reviews")[0]["hub"]["repo"] == "acme/reviews"
