package kit_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/preamp-build/preamp/testdata/need"
)

// parserPackage holds the Amplify CLI's command-line parser. It is the CLI without what it installs for itself.
const parserPackage = "@aws-amplify/cli-internal@14.2.2"

// parsed is what the CLI's parser made of a command line; see testdata/parse.js.
type parsed struct {
	Verified    bool           `json:"verified"`
	Message     string         `json:"message"`
	Command     string         `json:"command"`
	SubCommands []string       `json:"subCommands"`
	Params      map[string]any `json:"params"`
}

// fetchParser gets the package from npm and unpacks it.
func fetchParser(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("needs the npm registry, left out by -short")
	}
	for _, program := range []string{"npm", "node", "tar"} {
		need.Program(t, program)
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "npm", "pack", "--silent", parserPackage)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		need.Missing(t, fmt.Sprintf("needs %s from the npm registry: %v: %s", parserPackage, err, out))
	}
	packs, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(packs) != 1 {
		t.Fatalf("packed %v, %v", packs, err)
	}
	if out, err := exec.CommandContext(t.Context(), "tar", "-xzf", packs[0], "-C", dir).CombinedOutput(); err != nil {
		t.Fatalf("tar: %v: %s", err, out)
	}
	return filepath.Join(dir, "package")
}

// The real CLI's parser understands what amplifyPush says as it is meant.
func TestAmplifyParser(t *testing.T) {
	pkg := fetchParser(t)
	script, err := filepath.Abs(filepath.Join("testdata", "parse.js"))
	if err != nil {
		t.Fatal(err)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal(err)
	}
	shim := "#!/bin/sh\nHOME=/nonexistent " + node + " " + script + " '" + pkg + "' \"$@\" >>\"$RECORD\" || exit\n" +
		"case \"$1 $2\" in \"env get\") echo '{}' ;; esac\n"
	provider := map[string]any{"configLevel": "general"}
	amplify := func(app string) map[string]any {
		return map[string]any{"envName": "main", "appId": app, "providers": []any{"awscloudformation"}, "headless": true}
	}
	codegen := map[string]any{"generateCode": false, "generateDocs": false}
	for name, tc := range map[string]struct {
		env  map[string]string
		want []parsed
	}{
		"push": {
			map[string]string{
				"AMPLIFY_BACKEND_APP_ID": "dreal", "AMPLIFY_GOOGLE_CLIENT_ID": `g"i`, "AMPLIFY_GOOGLE_CLIENT_SECRET": "-s",
				"AMPLIFY_PERMISSIONS_BOUNDARY_ARN": "arn:aws:iam::1:policy/p", "AMPLIFY_DESTRUCTIVE_UPDATES": "true",
			},
			[]parsed{
				{Command: "env", SubCommands: []string{"import"}, Params: map[string]any{
					"name": "main", "config": map[string]any{"StackName": "s"}, "awsInfo": provider, "yes": true,
				}},
				{Command: "init", Params: map[string]any{
					"amplify": amplify("dreal"), "awscloudformation": provider, "codegen": codegen, "yes": true,
					"categories":           map[string]any{"auth": map[string]any{"googleAppIdUserPool": `g"i`, "googleAppSecretUserPool": "-s"}},
					"permissions-boundary": "arn:aws:iam::1:policy/p",
				}},
				{Command: "push", Params: map[string]any{"codegen": codegen, "allow-destructive-graphql-schema-updates": true, "yes": true}},
				{Command: "env", SubCommands: []string{"get"}, Params: map[string]any{"name": "main", "json": true, "yes": false}},
			},
		},
		"pull": {
			map[string]string{"AMPLIFY_BACKEND_PULL_ONLY": "true"},
			[]parsed{{Command: "pull", Params: map[string]any{"amplify": amplify("dmade"), "awscloudformation": provider, "yes": true}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := runPushWith(t, shim, []string{"sh"}, `{"StackName":"s"}`, with(tc.env))
			if p.code != 0 {
				t.Fatalf("%+v", p)
			}
			var got []parsed
			for dec := json.NewDecoder(strings.NewReader(p.record)); dec.More(); {
				var one parsed
				if err := dec.Decode(&one); err != nil {
					t.Fatal(err)
				}
				if !one.Verified {
					t.Errorf("the CLI does not know %s: %s", one.Command, one.Message)
				}
				got = append(got, one)
			}
			// Without --amplify and --providers the parser puts empty ones in their place.
			empty := cmpopts.IgnoreMapEntries(func(k string, v any) bool {
				m, ok := v.(map[string]any)
				return ok && k == "amplify" && m["headless"] == false
			})
			if diff := cmp.Diff(tc.want, got, empty, cmpopts.IgnoreFields(parsed{}, "Verified", "Message")); diff != "" {
				t.Errorf("understood (-want +got):\n%s", diff)
			}
		})
	}
}

// With a folder in which `npm install @aws-amplify/cli-internal` was done (1.3 GB, so only when PREAMP_AMPLIFY_CLI names it),
// the whole CLI goes as far as it can without AWS: it imports an environment, gives it back, and begins to talk to S3.
func TestAmplifyCLI(t *testing.T) {
	folder := os.Getenv("PREAMP_AMPLIFY_CLI")
	if folder == "" {
		t.Skip("needs PREAMP_AMPLIFY_CLI, a folder with @aws-amplify/cli-internal installed")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(folder, "node_modules", "@aws-amplify", "cli-internal", "bin", "amplify")
	project := t.TempDir()
	for name, content := range map[string]string{
		"package.json": `{"name":"site"}`, "amplify/team-provider-info.json": "{}", "amplify/backend/backend-config.json": "{}",
		"amplify/.config/project-config.json": `{"projectName":"site","version":"3.1","frontend":"javascript","providers":["awscloudformation"],` +
			`"javascript":{"framework":"none","config":{"SourceDir":"src","DistributionDir":"dist","BuildCommand":"npm run build","StartCommand":"npm start"}}}`,
	} {
		file := filepath.Join(project, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(project)
	const info = `{"awscloudformation":{"AuthRoleName":"a","UnauthRoleArn":"arn:aws:iam::1:role/u","AuthRoleArn":"arn:aws:iam::1:role/a",` +
		`"Region":"eu-west-1","DeploymentBucketName":"b","UnauthRoleName":"u","StackName":"s","StackId":"arn:aws:cloudformation:eu-west-1:1:stack/s/x"}}`
	// Where init and push need AWS, they are only begun; env get is the real one again.
	shim := "#!/bin/sh\necho \"$1 $2\" >>\"$RECORD\"\n" +
		"case $1 in init) timeout 60 " + node + " " + program + " \"$@\" </dev/null >>\"$RECORD\" 2>&1; exit 0 ;; push) exit 0 ;; esac\n" +
		"exec " + node + " " + program + " \"$@\" </dev/null\n"
	p := runPushWith(t, shim, []string{"sh"}, info, with(map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_MAX_ATTEMPTS": "1"}))
	if p.code != 0 || !strings.Contains(p.out, "Successfully added environment from your project") {
		t.Fatalf("%+v", p)
	}
	if !strings.Contains(p.record, "Initializing your environment: main") || strings.Contains(p.record, "credentials can not be found") ||
		strings.Contains(p.record, "command line parameter") {
		t.Errorf("amplify init did not get as far as AWS:\n%s", p.record)
	}
	var want, got any
	if err := json.Unmarshal([]byte(info), &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(left(t, p.kit)["stackInfo"]), &got); err != nil {
		t.Fatalf("stored %q: %v", left(t, p.kit)["stackInfo"], err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
}
