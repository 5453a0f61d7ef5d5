"""Builds for a platform: hands jobs to preamp, reads its events, and holds every document against the published schemas.

usage: driver.py PREAMP SCHEMAS REPOSITORY OUT; the engine and the image come from the environment.
"""
import json, os, pathlib, signal, subprocess, sys
import jsonschema

preamp, schemas, repository, out = sys.argv[1:]
job_schema, event_schema, result_schema = (
    jsonschema.Draft202012Validator(json.loads(pathlib.Path(schemas, name + ".schema.json").read_text()))
    for name in ("job", "event", "result"))
head = subprocess.check_output(["git", "-C", repository, "rev-parse", "HEAD"], text=True).strip()
image = {"name": os.environ["IMAGE"], "pull": "never"} if os.environ.get("IMAGE") else {}
clone = {"url": "file://" + repository, "branch": "main"}
SECRET = "s3cr3t-value-of-the-driver"


def job(command="true", **more):
    return {"version": "1.0", "repository": {"path": repository}, "image": image, "environment": {"variables": {"COMMAND": command}}, **more}


def wait_for(process, text):
    for line in process.stdout:
        yield line
        if text in line:
            return


def run(name, document, act=None):
    """Runs one job. act gets the process once the build's command has said that it is ready."""
    folder = pathlib.Path(out, name)
    process = subprocess.Popen([preamp, "build", "--job", "-", "--events", "ndjson", "--out", str(folder)], text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(document if isinstance(document, str) else json.dumps(document))
    process.stdin.close()
    lines = []
    if act:
        lines += wait_for(process, '"text":"ready')
        act(process)
    if not process.stdout.closed:
        lines += process.stdout
    stderr, code = process.stderr.read(), process.wait(timeout=60)
    for line in lines:
        event_schema.validate(json.loads(line))
    file = folder / "result.json"
    result = json.loads(file.read_text()) if file.exists() else json.loads(lines[-1])["result"]
    result_schema.validate(result)
    if not (act and process.stdout.closed and len(lines) and "build-ended" not in lines[-1]):
        assert json.loads(lines[-1]) | {"time": 0} == {"type": "build-ended", "result": result, "time": 0}, (name, lines[-1])
    assert result["exitCode"] == code, (name, code, result)
    assert act or stderr == "", (name, stderr)
    assert SECRET not in "".join(lines) + stderr + json.dumps(result), (name, "shows a secret")
    return result


cases = [  # name, job, what is done to it, status, exit code, class of the failure
    ("path", job(), None, "succeeded", 0, None),
    ("clone", job(repository={**clone, "commit": head}), None, "succeeded", 0, None),
    ("command", job("exit 3"), None, "failed", 1, "command"),
    ("specification", job(app={"root": "nowhere"}), None, "failed", 3, "spec"),
    ("branch", job(repository={**clone, "branch": "nope", "credentials": {"token": SECRET}}), None, "failed", 4, "source"),
    ("timeout", job("sleep 100", limits={"timeout": 2}), None, "timed-out", 7, "timeout"),
    ("secrets", job("echo the $secrets", secrets={"KEY": SECRET}), None, "succeeded", 0, None),
    ("unchanged", {**job(diff={"base": head}, app={"id": "d2"}), "environment": {"variables": {"AMPLIFY_DIFF_DEPLOY": "1", "AMPLIFY_DIFF_DEPLOY_ROOT": "/"}}}, None, "skipped", 0, None),
    ("tomorrow", job(version="1.1", tomorrow={"more": 1}), None, "succeeded", 0, None),
    ("major", job(version="2.0"), None, "failed", 2, "usage"),
    ("unknown", job(imagee={}), None, "failed", 2, "usage"),
    ("garbage", '{"version": "1.0", ', None, "failed", 2, "usage"),
    ("cancelled", job("echo ready; sleep 600"), lambda p: p.send_signal(signal.SIGTERM), "cancelled", 143, "cancelled"),
    ("deserted", job("echo ready; sleep 600"), lambda p: p.stdout.close(), "cancelled", 141, "cancelled"),
]
for name, document, act, status, code, kind in cases:
    fits = not isinstance(document, str) and job_schema.is_valid(document)
    assert fits == (name not in ("tomorrow", "major", "unknown", "garbage")), (name, "and the schema of jobs")
    got = run(name, document, act)
    seen = got["status"], got["exitCode"], got.get("failure", {}).get("class")
    assert seen == (status, code, kind), (name, seen, got)
    if status == "succeeded":
        assert got["artifacts"]["files"] == 1 and pathlib.Path(got["artifacts"]["zip"]).stat().st_size == got["artifacts"]["zipBytes"], name
    print("ok", name, round(got["took"], 2), "s")
