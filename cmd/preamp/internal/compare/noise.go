package compare

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// rule replaces what differs from build to build by a word that stands for it.
type rule struct {
	find *regexp.Regexp
	with string
	need []string // of which a line must hold one: most lines are then left without asking the expression
}

// rules are applied in this order to every line of output before lines are compared. To compile them takes longer than a
// start of preamp may, so they are when they are needed.
var rules = sync.OnceValue(func() []rule {
	return []rule{
		// Paths: the repository's folder, the home folder's logs, temporary files.
		{regexp.MustCompile(`/codebuild/output/src\d+/src/[^/\s:'")]+`), "<repo>", []string{"/codebuild/"}},
		{regexp.MustCompile(`/\S*?/(?:slots|builds)/[^/\s]+/[^/\s:'")]+`), "<repo>", []string{"/slots/", "/builds/"}},
		{regexp.MustCompile(`^(?:\S*/)?(?:amplify\.sh|bash|sh|environment): (?:line \d+|\d+|eval): (?:line \d+: )?`), "<shell> ", []string{"sh: ", "amplify.sh: ", "environment: "}},
		{regexp.MustCompile(`(?:/private)?/(?:var/folders|tmp|var/tmp)/[^\s:'"),]+`), "<tmp>", []string{"/tmp/", "/var/"}},
		// Times of day and dates.
		{regexp.MustCompile(`\d{4}-\d\d-\d\d[T _]\d\d[:_]\d\d[:_]\d\d(?:[.,_]\d+)?(?:Z|[+-]\d\d:?\d\d)?`), "<time>", []string{"-"}},
		{regexp.MustCompile(`\b\d{1,2}:\d\d:\d\d(?:[.,]\d+)?(?: ?[AaPp][Mm])?\b`), "<time>", []string{":"}},
		{regexp.MustCompile(`\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +(?:\d{1,2} )?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*(?: +\d{1,2})?(?: <time>)?(?: [A-Z]{3,4})?(?: \d{4})?(?: <time>)?`), "<time>", []string{" "}},
		{regexp.MustCompile(`\b\d{4}-\d\d-\d\d\b`), "<date>", []string{"-"}},
		{regexp.MustCompile(`\b1[5-9]\d{8}(?:\d{3})?\b`), "<time>", nil}, // seconds or milliseconds since 1970
		// Ids and hashes.
		{regexp.MustCompile(`\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`), "<id>", []string{"-"}},
		{regexp.MustCompile(`\bsha(?:1|256|384|512)[-:][A-Za-z0-9+/=]{16,}`), "<hash>", []string{"sha"}},
		{regexp.MustCompile(`\barn:aws[^\s'"]+`), "<arn>", []string{"arn:aws"}},
		{regexp.MustCompile(`\b0{4}\d{6}\b`), "<id>", []string{"0000"}}, // AWS_JOB_ID
		// Durations and sizes.
		{regexp.MustCompile(`\b\d+(?:\.\d+)? ?(?:hours?|hrs?|h|minutes?|mins?|m) ?(?:and )?\d+(?:\.\d+)? ?(?:minutes?|mins?|m|seconds?|secs?|s)\b`), "<duration>", []string{"s", "m"}},
		{regexp.MustCompile(`\b\d+(?:[.,]\d+)? ?(?:ns|µs|μs|us|ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hours?)\b`), "<duration>", []string{"s", "m", "h"}},
		{regexp.MustCompile(`(?i)\b\d+(?:[.,]\d+)? ?(?:[kmgt]i?b|[kmg]|b|bytes?)\b(?:/s)?`), "<size>", nil},
		{regexp.MustCompile(`\b\d+(?:\.\d+)? ?%`), "<percent>", []string{"%"}},
		// Addresses and processes.
		{regexp.MustCompile(`(?i)\b(localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\]):\d+`), "<local>", []string{":"}},
		{regexp.MustCompile(`(?i)\bport:? \d+`), "port <n>", []string{"ort", "ORT"}},
		{regexp.MustCompile(`\b(?:10|172|192)(?:\.\d{1,3}){3}(?::\d+)?\b`), "<local>", []string{"10", "172", "192"}},
		{regexp.MustCompile(`(?i)\bpid[ =:]+\d+`), "pid <n>", []string{"id", "ID"}},
		{regexp.MustCompile(`^(\()?(node|npm):\d+\)?`), "$2:<pid>", []string{"node:", "npm:"}},
	}
})

// word may be a hash or an id: lower-case hexadecimal, or the ids of the service's applications.
var word = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\b(?:[0-9a-f]{7,64}|d[0-9a-z]{12,13})\b`)
})

// bundled is a file whose name may hold a hash of its content, as bundlers write it.
var bundled = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`([-._~/])([A-Za-z0-9_-]{8,})(\.(?:[a-z]+\.)?(?:js|mjs|cjs|css|map|html|json|woff2?|ttf|svg|png|jpe?g|webp|avif|gif|ico|wasm|txt)\b)`)
})

// normal is a line without what always differs.
func normal(s string) string {
	if !strings.ContainsAny(s, "0123456789/:%.") {
		return strings.Join(strings.Fields(s), " ")
	}
	s = bundled().ReplaceAllStringFunc(s, func(m string) string {
		parts := bundled().FindStringSubmatch(m)
		return parts[1] + withoutHash(parts[2]) + parts[3]
	})
	for _, r := range rules() {
		if len(r.need) == 0 || slices.ContainsFunc(r.need, func(n string) bool { return strings.Contains(s, n) }) {
			s = r.find.ReplaceAllString(s, r.with)
		}
	}
	s = word().ReplaceAllStringFunc(s, func(m string) string {
		if strings.ContainsAny(m, "0123456789") && strings.ContainsAny(m, "abcdefghijklmnopqrstuvwxyz") {
			return "<hash>"
		}
		return m
	})
	return strings.Join(strings.Fields(s), " ")
}

// shortHash is how long the hashes of most bundlers are, in characters that may be a dash as well.
const shortHash = 8

// withoutHash replaces the hash in a file's name: its end, or all of it.
func withoutHash(s string) string {
	if i := len(s) - shortHash - 1; i >= 0 && s[i] == '-' && strings.ContainsAny(s[i+1:], "0123456789_ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		return s[:i+1] + "<hash>"
	}
	if i := strings.LastIndexByte(s, '-'); i >= 0 && len(s)-i > shortHash && looksRandom(s[i+1:]) {
		return s[:i+1] + "<hash>"
	}
	if looksRandom(s) {
		return "<hash>"
	}
	return s
}

// looksRandom tells a hash from a word: its digits and letters, or its capitals, come by turns as in no word.
func looksRandom(s string) bool {
	var digits, upper, lower, turns int
	last := 0
	for _, r := range s {
		kind := 0
		switch {
		case r >= '0' && r <= '9':
			digits++
			kind = 1
		case r >= 'A' && r <= 'Z':
			upper++
			kind = 2
		case r >= 'a' && r <= 'z':
			lower++
			kind = 3
		}
		if kind != last {
			turns++
		}
		last = kind
	}
	if digits == len(s) {
		return digits >= shortHash // some hashes have no letter
	}
	return digits > 0 && upper+lower > 0 && turns > 1 && digits*4 >= len(s) || digits > 0 && upper+lower > 0 && turns > 2 || upper > 1 && lower > 0 && turns > 3
}

// noise are lines that say nothing about the build but how it was fetched, what it weighs and how it is going.
var noise = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(strings.Join([]string{
		// npm
		`^npm (?:notice|timing|http|sill|verb)\b`, `^npm (?:warn|WARN) (?:deprecated|using --force|config)\b`,
		`^(?:added|removed|changed|up to date|audited)\b.*\bpackages?\b`, `^\d+ packages? (?:is|are) looking for funding`, "^run `npm fund`",
		`^found \d+ vulnerabilities`, `^\d+ (?:(?:low|moderate|high|critical) severity )?vulnerabilit(?:y|ies)\b`, `^(?:Some issues need review|To address (?:all )?issues)`,
		`^npm audit fix\b`, "^Run `npm audit`", `^(?:npm (?:error|ERR!) )?A complete log of this run can be found in`, `^npm (?:error|ERR!)\s+\S*/_logs/`, `^npm (?:error|ERR!)$`,
		// yarn, pnpm, bun
		`^\[\d+/\d+\] `, `^info (?:No lockfile|Direct dep|All dep|There appears|Visit)`, `^success (?:Saved|Already)`, `^(?:✨ +)?Done in\b`, `^warning .*(?:deprecated|peer dependency|No license|lockfile)`,
		`^Progress: resolved`, `^Packages: [+-]\d+`, `^[+\-]+$`, `^Already up[ -]to[ -]date`, `^Lockfile is up to date`, `^Resolving: total`, `^Downloading \S+`, `^➤ YN00(?:00|13|07)`, `^(?:Resolved|Saved lockfile|\d+ packages? installed)\b`,
		// progress
		`^[#=> .\-|/\\\[\]⠁-⣿⸨⸩░▒▓█]*(?:<percent>)?$`, `^(?:% Total|\d+ +\d+[kM]? +\d+ +\d+)`, `^Dload\b`, `^(?:remote: )?(?:Enumerating|Counting|Compressing|Receiving|Resolving|Writing|Unpacking) (?:objects|deltas)`, `^remote: (?:Total|Enumerating)`,
		`^(?:Downloading|Collecting|Installing collected|Using cached|Requirement already)\b`, `^(?:Get|Hit|Ign|Fetched|Reading|Unpacking|Selecting|Preparing|Setting up)(?::\d+)?\b.*\.\.\.?$`, `^(?:Computing checksum|Checksums matched)`,
		// advice that depends on the calendar or on caches
		`(?:caniuse-lite|browsers data|browserslist)\b.*(?:outdated|old|update)`, `^npx update-browserslist-db`, `^Why you should do it regularly`, `No build cache found`, `^(?:Attention: )?Next\.js (?:now )?collects`, `telemetry`, `^This information is used to shape`, `^You can learn more, including how to opt-out`,
		`^husky\b.*(?:DEPRECATED|skip|can't be found)`, `^\.git can't be found`,
	}, "|"))
})

// elision is what people put where they have cut a log.
var elision = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:\(\.\.\.[^)]*\)?|\[(?:\.\.\.|…)[^\]]*\]|\.{3,}|…|<(?:snip|cut)>|\(snip\))$`)
})

// isNoise tells it of a normal line.
func isNoise(s string) bool { return s == "" || noise().MatchString(s) }

var quotes = strings.NewReplacer(`"`, "", `'`, "")

// commandKey is a command as two logs are compared by it. The runner of earlier years lost the quotes, and with them what
// was empty between them.
func commandKey(text string, old bool) string {
	text = strings.Join(strings.Fields(text), " ")
	if old {
		text = strings.Join(strings.Fields(quotes.Replace(text)), " ")
	}
	return text
}

var versions = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\bv?(\d+\.\d+(?:\.\d+)?(?:-[\w.]+)?)\b`) })

// skeleton is a line without its versions.
func skeleton(s string) string { return versions().ReplaceAllString(s, "<version>") }
