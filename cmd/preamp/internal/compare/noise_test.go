package compare

import "testing"

// TestNormal holds what is taken for noise, and that what is like noise is not.
func TestNormal(t *testing.T) {
	same := [][2]string{
		{"built in 1.24s", "built in 987ms"},
		{"Done in 1m 3s", "Done in 12.1 seconds"},
		{"took 2 hours 5 minutes", "took 1 min"},
		{"2025-10-08T22:22:34.059Z start", "2026-01-01 00:00:00 start"},
		{"at 5:59:04 PM", "at 11:02:59 AM"},
		{"Wed Oct  8 22:23:01 UTC 2025", "Sat Nov 21 04:35:19 UTC 2026"},
		{"dist/assets/index-DiwrgTda.js 143.12 kB", "dist/assets/index-Bx7-kQ2_.js 1.2 MB"},
		{"static/js/main.8f3b21aa.js", "static/js/main.00c4d9e1.js"},
		{"static/js/main.80921121.js", "static/js/main.8092112b.js"},
		{"chunks/_app-5f03510007f8ee45.js", "chunks/_app-0123456789abcde9.js"},
		{"/codebuild/output/src624935537/src/shop/a.js:3", "/codebuild/output/src1/src/shop/a.js:3"},
		{"/codebuild/output/src1/src/shop/a.js:3", "/home/me/.cache/preamp/slots/shop-1/shop/a.js:3"},
		{"wrote /tmp/x-1234/report", "wrote /tmp/y-99/report"},
		{"listening on http://localhost:4173", "listening on http://127.0.0.1:39481"},
		{"Server on port 3000", "Server on port 41233"},
		{"commit 4f2a9c81d0b7", "commit 99aabbccdd00"},
		{"id 1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed", "id 7c9e6679-7425-40de-944b-e07fc1f90ae7"},
		{"app d1crrnsi5h4ht1", "app d9e32iiq5ru07z"},
		{"job 0000000012", "job 0000000345"},
		{"/codebuild/output/src1/src/r/amplify.sh: line 13: npm: command not found", "bash: line 1: npm: command not found"},
		{"(node:2117) Warning: x", "(node:3) Warning: x"},
		{"heap 55%", "heap 7 %"},
	}
	for _, p := range same {
		if a, b := normal(p[0]), normal(p[1]); a != b {
			t.Errorf("%q and %q are %q and %q", p[0], p[1], a, b)
		}
	}
	for _, p := range [][2]string{
		{"v22.18.0", "v22.18.1"},
		{"42 modules", "41 modules"},
		{"dist/assets/checkout-summary.js", "dist/assets/checkout-details.js"},
		{"exit code 1", "exit code 2"},
		{"API_URL=a", "API_URL=b"},
		{"GET /about 200", "GET /about 404"},
	} {
		if a, b := normal(p[0]), normal(p[1]); a == b || isNoise(a) {
			t.Errorf("%q and %q are both %q", p[0], p[1], a)
		}
	}
}

func TestNoise(t *testing.T) {
	for _, s := range []string{
		"added 901 packages, and audited 940 packages in 33s", "npm warn deprecated x@1.0.0: old", "npm notice New version", "found 0 vulnerabilities",
		"[####################] 100%", "[1/4] Resolving packages...", "Progress: resolved 3, reused 3", "remote: Counting objects: 100% (3/3)",
		"npm error A complete log of this run can be found in: /root/.npm/_logs/x.log", "✨  Done in 3.1s.",
	} {
		if !isNoise(normal(s)) {
			t.Errorf("%q counts, as %q", s, normal(s))
		}
	}
	for _, s := range []string{"Error: x", "npm error code E401", "✓ 42 modules transformed.", "warning: unused variable x", "done", "v1.2.3", "0"} {
		if isNoise(normal(s)) {
			t.Errorf("%q is taken for noise", s)
		}
	}
}

func TestMissingVariable(t *testing.T) {
	for line, want := range map[string]string{
		"Error: API_URL is not set":                                       "API_URL",
		"Error: DATABASE_URL is not defined":                              "DATABASE_URL",
		"error: Environment variable not found: DATABASE_URL.":            "DATABASE_URL",
		"Missing required environment variable: STRIPE_KEY":               "STRIPE_KEY",
		"Missing required environment variables: STRIPE_KEY, OTHER":       "STRIPE_KEY",
		"bash: line 1: API_TOKEN: unbound variable":                       "API_TOKEN",
		"/bin/sh: API_TOKEN: parameter not set":                           "API_TOKEN",
		"Failed to replace env in config: ${NPM_TOKEN}":                   "NPM_TOKEN",
		"TypeError: process.env.SITE_URL is undefined":                    "SITE_URL",
		"The environment variable \"AUTH_SECRET\" must be set":            "AUTH_SECRET",
		"❌ NEXT_PUBLIC_API: Required":                                     "NEXT_PUBLIC_API",
		"Please define the MONGODB_URI environment variable":              "MONGODB_URI",
		"AUTH0_DOMAIN is required":                                        "AUTH0_DOMAIN",
		"npm error code EUSAGE":                                           "",
		"ERROR is not a function":                                         "",
		"Error: Cannot find module 'x'":                                   "",
		"ReferenceError: foo is not defined":                              "",
		"all environment variables are set":                               "",
		"HTTP 404 not found":                                              "",
		"FATAL ERROR: Reached heap limit - JavaScript heap out of memory": "",
	} {
		if got := missingVariable(line); got != want {
			t.Errorf("missingVariable(%q) = %q, want %q", line, got, want)
		}
	}
}
