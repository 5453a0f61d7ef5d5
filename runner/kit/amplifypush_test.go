package kit_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// recorder is an Amplify CLI that writes down what it is told and answers as the real one does.
const recorder = `#!/bin/sh
{ printf '%s\0' "$@"; printf '\1'; } >>"$RECORD"
echo "amplify $1: $AWS_REGION $AWS_DEFAULT_REGION"
case "$1 $2" in
"$FAILING") exit 7 ;;
"env get") printf '%s' "$ANSWER" ;;
esac
`

// push is one run of amplifyPush.
type push struct {
	result
	record string     // what the CLI has written down
	calls  [][]string // the same, as the recorder does it
	kit    string
}

// runPush runs amplifyPush with nothing in its environment but env. The CLI is there unless env says NO_CLI.
func runPush(t *testing.T, shell []string, known string, env map[string]string, args ...string) push {
	t.Helper()
	return runPushWith(t, recorder, shell, known, env, args...)
}

// runPushWith is runPush with another script in the place of the CLI.
func runPushWith(t *testing.T, cli string, shell []string, known string, env map[string]string, args ...string) push {
	t.Helper()
	values := map[string]string{}
	if known != "" {
		values["stackInfo"] = known
	}
	p := push{kit: install(t, values)}
	bin, record := t.TempDir(), filepath.Join(t.TempDir(), "record")
	if env["NO_CLI"] == "" {
		if err := os.WriteFile(filepath.Join(bin, "amplify"), []byte(cli), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), shell[0], append(append(shell[1:len(shell):len(shell)], filepath.Join(p.kit, "bin", "amplifyPush")), args...)...)
	cmd.Env = []string{"PATH=" + bin + ":/usr/bin:/bin", "HOME=" + t.TempDir(), "RECORD=" + record, "ANSWER=" + stackInfo}
	for k, v := range env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	p.result = result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
	raw, err := os.ReadFile(record)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	p.record = string(raw)
	for call := range strings.SplitSeq(strings.TrimSuffix(p.record, "\x01"), "\x01") {
		if call != "" {
			p.calls = append(p.calls, strings.Split(strings.TrimSuffix(call, "\x00"), "\x00"))
		}
	}
	return p
}

// What `amplify env get --json` prints: indented, and here with a remark before and after it.
const stackInfo = "A newer version is available\n{\n  \"awscloudformation\": {\n    \"StackName\": \"amplify-site-main\"\n  }\n}\nbye\n"

const storedInfo = "{\n  \"awscloudformation\": {\n    \"StackName\": \"amplify-site-main\"\n  }\n}"

const (
	general   = `{"awscloudformation":{"configLevel":"general"}}`
	noCodegen = `{"generateCode":false,"generateDocs":false}`
)

func with(env ...map[string]string) map[string]string {
	all := map[string]string{"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s", "AWS_BRANCH": "main", "AWS_APP_ID": "dmade", "AWS_REGION": "eu-west-1"}
	for _, e := range env {
		for k, v := range e {
			all[k] = v
		}
	}
	return all
}

func initCall(amplify string, more ...string) []string {
	return append(append([]string{"init", "--amplify", amplify, "--providers", general, "--codegen", noCodegen}, more...), "--yes")
}

func getCall(env string) []string { return []string{"env", "get", "--name", env, "--json"} }

var pushCall = []string{"push", "--codegen", noCodegen, "--yes"}

func TestAmplifyPush(t *testing.T) {
	for name, tc := range map[string]struct {
		known string
		env   map[string]string
		args  []string
		want  [][]string
	}{
		"a new environment": {
			args: []string{"--simple"},
			want: [][]string{initCall(`{"envName":"main"}`), pushCall, getCall("main")},
		},
		"one that is known": {
			known: "{\"a\": \"it's\"}", args: []string{"-s"},
			want: [][]string{
				{"env", "import", "--name", "main", "--config", "{\"a\": \"it's\"}", "--awsInfo", `{"configLevel":"general"}`, "--yes"},
				initCall(`{"envName":"main"}`), pushCall, getCall("main"),
			},
		},
		"named": {
			args: []string{"-e", "staging"},
			want: [][]string{initCall(`{"envName":"staging"}`), pushCall, getCall("staging")},
		},
		"USER_BRANCH comes first": {
			args: []string{"--environment=staging"}, env: map[string]string{"USER_BRANCH": "prod"},
			want: [][]string{initCall(`{"envName":"prod"}`), pushCall, getCall("prod")},
		},
		"slashes and length": {
			env:  map[string]string{"AWS_BRANCH": `feature/a\b-and-more`},
			want: [][]string{initCall(`{"envName":"featureab-"}`), pushCall, getCall("featureab-")},
		},
		"everything that can be said": {
			env: map[string]string{
				"AMPLIFY_BACKEND_APP_ID": "dreal", "AMPLIFY_PERMISSIONS_BOUNDARY_ARN": "arn:aws:iam::1:policy/p", "AMPLIFY_DESTRUCTIVE_UPDATES": "true",
				"AMPLIFY_FACEBOOK_CLIENT_ID": "fi", "AMPLIFY_FACEBOOK_CLIENT_SECRET": `f"s\`, "AMPLIFY_GOOGLE_CLIENT_ID": "gi", "AMPLIFY_GOOGLE_CLIENT_SECRET": "gs",
				"AMPLIFY_AMAZON_CLIENT_ID": "ai", "AMPLIFY_AMAZON_CLIENT_SECRET": "as", "AMPLIFY_USERPOOL_ID": "up", "AMPLIFY_WEBCLIENT_ID": "wc",
				"AMPLIFY_NATIVECLIENT_ID": "nc", "AMPLIFY_IDENTITYPOOL_ID": "ip",
			},
			want: [][]string{
				initCall(`{"appId":"dreal","envName":"main"}`, "--categories", `{"auth":{"facebookAppIdUserPool":"fi","facebookAppSecretUserPool":"f\"s\\",`+
					`"googleAppIdUserPool":"gi","googleAppSecretUserPool":"gs","loginwithamazonAppIdUserPool":"ai","loginwithamazonAppSecretUserPool":"as",`+
					`"userPoolId":"up","webClientId":"wc","nativeClientId":"nc","identityPoolId":"ip"}}`, "--permissions-boundary", "arn:aws:iam::1:policy/p"),
				{"push", "--codegen", noCodegen, "--allow-destructive-graphql-schema-updates", "--yes"},
				getCall("main"),
			},
		},
		"a profile": {
			env: map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_PROFILE": "team"}, args: []string{"--pull"},
			want: [][]string{{
				"pull", "--amplify", `{"appId":"dmade","envName":"main"}`, "--providers",
				`{"awscloudformation":{"configLevel":"project","useProfile":true,"profileName":"team"}}`, "--yes",
			}},
		},
		"an associated environment": {
			env: map[string]string{"AWS_BACKEND_ENVIRONMENT_ARN": "arn:aws:amplify:eu-west-1:1:apps/dreal/backendenvironments/production"}, args: []string{"--pull"},
			want: [][]string{{"pull", "--amplify", `{"appId":"dreal","envName":"production"}`, "--providers", general, "--yes"}},
		},
		"pull only": {
			known: "{}", env: map[string]string{"AMPLIFY_BACKEND_PULL_ONLY": "true", "AMPLIFY_BACKEND_APP_ID": "dreal"},
			want: [][]string{{"pull", "--amplify", `{"appId":"dreal","envName":"main"}`, "--providers", general, "--yes"}},
		},
		"skipped":                 {env: map[string]string{"AMPLIFY_SKIP_BACKEND_BUILD": "TRUE", "NO_CLI": "1"}},
		"skipped by the other":    {env: map[string]string{"PROCESS_SKIP_BACKEND": "true", "AWS_ACCESS_KEY_ID": ""}},
		"not skipped by a \"no\"": {env: map[string]string{"AMPLIFY_SKIP_BACKEND_BUILD": "false"}, want: [][]string{initCall(`{"envName":"main"}`), pushCall, getCall("main")}},
	} {
		for shell, argv := range shells(t) {
			t.Run(name+"/"+shell, func(t *testing.T) {
				p := runPush(t, argv, tc.known, with(tc.env), tc.args...)
				if odd := name == "slashes and length"; odd != strings.Contains(p.err, "only 2 to 10 lower-case letters") || !odd && p.err != "" {
					t.Errorf("it says %q", p.err)
				}
				if diff := cmp.Diff(tc.want, p.calls); diff != "" || p.code != 0 {
					t.Errorf("code %d, %q, calls (-want +got):\n%s", p.code, p.err, diff)
				}
				stored := left(t, p.kit)["stackInfo"]
				if pushed := len(tc.want) > 2; pushed && stored != storedInfo || !pushed && stored != tc.known {
					t.Errorf("stored %q", stored)
				}
			})
		}
	}
}

// The lines are those of the service's own script.
func TestAmplifyPushLog(t *testing.T) {
	p := runPush(t, []string{"sh"}, "{}", with(), "-s", "-r", "us-west-2")
	want := `# Getting Amplify CLI Cloud-Formation stack info from environment cache
# Start initializing Amplify environment: main
# Importing Amplify environment: main (amplify env import)
amplify env: us-west-2 us-west-2
# Initializing existing Amplify environment: main (amplify init)
amplify init: us-west-2 us-west-2
# Done initializing Amplify environment: main
# Deploying Amplify environment: main (amplify push)
amplify push: us-west-2 us-west-2
# Store Amplify CLI Cloud-Formation stack info in environment cache
`
	if diff := cmp.Diff(want, p.out); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
	p = runPush(t, []string{"sh"}, "", with(map[string]string{"AMPLIFY_BACKEND_PULL_ONLY": "true"}))
	if want := "## Running amplify pull to generate aws-exports.js file for frontend\namplify pull: eu-west-1 eu-west-1\n"; p.out != want {
		t.Errorf("pull printed %q, want %q", p.out, want)
	}
}

func TestAmplifyPushFails(t *testing.T) {
	for name, tc := range map[string]struct {
		env   map[string]string
		args  []string
		code  int
		want  string
		calls int
	}{
		"no CLI":                {map[string]string{"NO_CLI": "1"}, nil, 127, "npm install -g @aws-amplify/cli", 0},
		"no credentials":        {map[string]string{"AWS_SECRET_ACCESS_KEY": ""}, nil, 1, "--env AWS_ACCESS_KEY_ID", 0},
		"no branch":             {map[string]string{"AWS_BRANCH": ""}, nil, 2, "cannot be the name", 0},
		"a name with dots":      {nil, []string{"-e", "v1.2"}, 2, `"v1.2" cannot be the name`, 0},
		"unknown option":        {nil, []string{"--force"}, 2, "unknown option --force", 0},
		"option without a name": {nil, []string{"-e"}, 2, "-e needs a name", 0},
		"init fails":            {map[string]string{"FAILING": "init --amplify"}, nil, 7, "", 1},
		"push fails":            {map[string]string{"FAILING": "push --codegen"}, nil, 7, "", 2},
		"no answer":             {map[string]string{"ANSWER": "sorry"}, nil, 1, "it said: amplify env: eu-west-1 eu-west-1\nsorry", 3},
	} {
		for shell, argv := range shells(t) {
			t.Run(name+"/"+shell, func(t *testing.T) {
				p := runPush(t, argv, "before", with(tc.env), tc.args...)
				calls := len(p.calls)
				if calls > 0 {
					calls-- // the import
				}
				if p.code != tc.code || !strings.Contains(p.err, tc.want) || calls != tc.calls {
					t.Errorf("%+v, want code %d, %q and %d calls", p, tc.code, tc.want, tc.calls)
				}
				if got := left(t, p.kit)["stackInfo"]; got != "before" {
					t.Errorf("a failure stored %q", got)
				}
			})
		}
	}
}
