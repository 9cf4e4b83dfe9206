"""What is never run in a replay, and what only looks like it."""

from typing import Any

import pytest

from bot.errors import UsageError
from bot.model import Result
from bot.replay.side_effects import Share, SideEffects
from bot.yaml12 import load
from tests.conftest import ROOT
from tests.projects import SETUP_PYTHON, WORKFLOW, Make, workflow
from tests.replay.conftest import Replay

TABLE = load((ROOT / "config" / "side_effects.yaml").read_bytes(), "side_effects.yaml")


def effects(**more: Any) -> SideEffects:
    table = {k: v if isinstance(v, dict) else tuple(v) for k, v in TABLE.items()}
    return SideEffects(**{**table, **more})


ALONE = """
npm publish
npm --workspace pkg publish --access public
pnpm publish -r
cd dist && npm publish
npm dist-tag add pkg@1 latest
cargo publish --token $T
poetry publish --build
uv publish
flit publish
hatch publish
gem push pkg.gem
bundle exec rake release
twine upload dist/*
python -m twine upload dist/*
uv run twine upload dist/*
python setup.py sdist upload
dotnet nuget push a.nupkg
npx --yes semantic-release
npx gh-pages -d build
git push
git -C site push origin HEAD:main
git -c user.name=x push --force
git add .; git commit -m 'x y'; git push origin main
GIT_SSH_COMMAND=ssh git push
echo url#1; git push
/usr/bin/git push
sudo -u deploy git push
timeout 60 git push
git tag --list | xargs -n 1 git push origin
if [ -n "$TAG" ]; then git push; fi
for r in a b; do docker push $r; done
(cd site; git push)
gh release create v1 --notes "a b"
gh -R o/r pr comment 1 --body x
gh issue close 3
TOKEN=x gh api repos/o/r/issues -f title=x
sudo docker push x
docker image push x
docker login -u x
podman push x
helm push a.tgz oci://x
helm upgrade --install app ./chart
kubectl -n prod apply -f k8s/
terraform -chdir=infra apply -auto-approve
terraform destroy
tofu apply
pulumi up --yes
serverless deploy
npx serverless deploy --stage prod
cdk deploy --all
npx wrangler deploy
vercel deploy --prod
vercel --prod
netlify deploy --dir=out
flyctl deploy --remote-only
firebase deploy --only hosting
heroku container:push web
aws s3 sync out s3://bucket
aws --profile x s3 cp a s3://b
aws ecs update-service --service x
aws lambda update-function-code --function-name x
gcloud run deploy app --image x
gcloud --quiet app deploy
gsutil -m rsync -r out gs://x
az webapp up --name x
az storage blob upload-batch -d x
rsync -az out/ user@host:/srv
ssh user@host systemctl restart app
scp a user@host:/b
curl -X POST https://hooks.example.invalid/x
curl -sS -d text=done https://hooks.example.invalid/x
eval "git push"
eval git push
codecov --token x
bash -c "git push"
bash -c "cd x && git push"
bash <<<'git push'
git ${{ inputs.force && '--force' }} push
echo "${{ matrix['b'] }}" && git push
""".strip().splitlines()

PARTLY = [
    "npm test\nnpm publish",
    "git diff --exit-code && git push",
    "if tag; then git push; fi",
    "bash <<'EOF'\nmake\ngit push\nEOF",
    "${{ github.event_name == 'push' && 'true' || 'false' }}; git push",
    "python a.py $(git push)",
    "X=`git push` make",
    "cat <<EOF\nit's\nEOF\ngit push",
    "deploy() {\n  git push\n}\nmake\ndeploy",
    "mvn -B deploy",
    "./mvnw --batch-mode deploy",
    "./gradlew publishAllPublicationsToMavenRepository",
    "docker buildx build --push -t x .",
    "docker build -t x --output type=registry .",
    "goreleaser release --clean",
    "mkdocs gh-deploy --force",
    "make 'x\ngit push",  # no bash
]

NOTHING = [
    "git status",
    "git pull && git fetch --all",
    "git stash push",
    "git commit -m 'git push'",
    "npm run publish",
    "npm ci\nnpm test -- publish",
    "npm publish --dry-run",
    "cargo publish --dry-run",
    "cargo package",
    "echo 'git push'",
    'echo "run: git push && npm publish"',
    "printf '%s\\n' 'docker push x'",
    "# git push\ntrue",
    "make  # then git push",
    "grep -q 'npm publish' README.md",
    "cat > notes <<'EOF'\ngit push\nnpm publish\nEOF",
    "pytest -k 'push or deploy' tests/docker/push",
    "python deploy.py publish",
    "./push.sh",
    "docker build -t x .",
    "docker run x",
    "terraform plan -out tf",
    "terraform validate",
    "kubectl version --client",
    "helm template chart | kubeval",
    "helm lint chart",
    "mvn -B verify",
    "mvn deploy -Dmaven.deploy.skip=true",
    "./gradlew publishToMavenLocal",
    "./gradlew build",
    "aws --version",
    "aws s3 ls",
    "gcloud version",
    "curl -fsSL https://example.invalid/install.sh | sh",
    "curl -X POST http://localhost:8080/api",
    "rsync -a src/ dst/",
    "ssh-keygen -t ed25519 -f key",
    "wrangler build",
    "vercel --version",
    "goreleaser check",
    "twine check dist/*",
    "gem build x.gemspec",
    "cargo test -- push",
    "uv run pytest",
]


def shares(script: str) -> Share:
    return effects().find({"run": script})[1]


def test_commands_that_publish_are_found() -> None:
    assert {s: shares(s).name for s in ALONE if shares(s) is not Share.ALL} == {}


def test_what_does_more_than_publish_is_told_apart() -> None:
    assert {s: shares(s).name for s in PARTLY if shares(s) is not Share.SOME} == {}


def test_words_in_comments_texts_and_similar_names_are_not_caught() -> None:
    assert {s: effects().find({"run": s})[0] for s in NOTHING if shares(s)} == {}
    assert effects().find({"run": "print('x')\ngit push", "shell": "python"})[1] is Share.NONE


@pytest.mark.parametrize(
    ("uses", "given", "share"),
    [
        ("pypa/gh-action-pypi-publish@release/v1", {}, Share.ALL),
        ("JamesIves/github-pages-deploy-action@v4", {}, Share.ALL),
        ("Peter-Evans/create-pull-request@v6", {}, Share.ALL),
        ("aws-actions/configure-aws-credentials@v4", {}, Share.ALL),
        ("docker/build-push-action@v6", {"push": True}, Share.SOME),
        ("docker/build-push-action@v6", {"push": "${{ github.ref == 'x' }}"}, Share.SOME),
        ("docker/build-push-action@v6", {"push": False}, Share.NONE),
        ("docker/build-push-action@v6", {"tags": "x"}, Share.NONE),
        ("docker/setup-buildx-action@v3", {}, Share.NONE),
        ("actions/upload-artifact@v4", {}, Share.NONE),
        ("azure/setup-helm@v4", {}, Share.NONE),
    ],
)
def test_actions(uses: str, given: dict[str, Any], share: Share) -> None:
    assert effects().find({"uses": uses, "with": given})[1] is share


def test_a_setup_action_is_none() -> None:
    assert effects().find(load(SETUP_PYTHON, "step"))[1] is Share.NONE


def test_a_pattern_that_is_none_is_named() -> None:
    with pytest.raises(UsageError, match=r"'\(' is no re2 pattern"):
        effects(commands=("(",)).find({"run": "make"})


def test_what_is_replaced_is_reported(replay: Replay) -> None:
    done = replay(
        "run: git push origin main && echo pushed",
        "run: grep -q 'git push' $0 && echo words only",
        "uses: pypa/gh-action-pypi-publish@release/v1",
        "uses: ./publish",
        "run: echo after",
        files={"publish/action.yml": "runs: {using: composite, steps: [{run: npm publish, shell: bash}]}\n"},
    )
    assert done.result.result is Result.SUCCESS
    assert done.printed() == ["words only", "after"]
    assert done.result.notes == (
        "job: the side effect 'git push origin main' was not run",
        "job: the side effect 'pypa/gh-action-pypi-publish' was not run",
        "job: the side effect 'npm publish' was not run",
    )


def test_what_also_builds_is_unreplayable(project: Make) -> None:
    done = project({WORKFLOW: workflow("run: make && git push")}).replay()
    assert done.result.result is Result.UNREPLAYABLE
    assert "'git push'" in str(done.result.reason)


def test_only_the_base_branch_and_the_user_allow_a_step(project: Make) -> None:
    made = project({WORKFLOW: workflow("{name: Tag, run: 'git push || echo tried'}", "{id: other, run: git push}")})
    made.git("switch", "--quiet", "-c", "feature")
    made.write({".github/regreen.yml": "replay: {allow_side_effects: [Tag, other]}\n"})
    made.commit("Allow it")
    done = made.replay()
    assert (done.steps, done.printed()) == (["success", "success"], [])
    made.git("update-ref", "refs/heads/main", "HEAD")
    made.git("switch", "--quiet", "main")
    done = made.replay()
    assert done.steps == ["success", "failure"]  # there is nothing to push to
    assert "tried" in done.printed()
    assert "job: the side effect 'git push' was allowed to run" in done.result.notes
