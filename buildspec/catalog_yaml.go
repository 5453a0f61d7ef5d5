package buildspec

// yamlRules are about the file as a whole and about its YAML.
var yamlRules = []RuleInfo{
	{
		ID: ruleTooLarge, Title: "file larger than 1 MiB",
		Why:  "A build specification is a few kilobytes. What is larger is not one, and is not read.",
		Good: site("npm run build"),
	},
	{
		ID: ruleEncoding, Title: "file is not UTF-8",
		Why:  "The service reads the file as UTF-8. Other encodings make it unreadable, or replace letters in commands.",
		Good: site("npm run build"),
	},
	{
		ID: ruleEmpty, Title: "empty file",
		Why:  "A file that is there takes the place of the build settings of the console, also when nothing is in it.",
		Bad:  "# version: 1\n",
		Good: site("npm run build"),
	},
	{
		ID: ruleNotABuildspec, Title: "another kind of file",
		Why: "The file has the name of a build specification and is something else, such as a CloudFormation template or a " +
			"GitHub workflow. The service looks for a frontend in it and fails.",
		Bad:    "AWSTemplateFormatVersion: '2010-09-09'\n",
		Good:   site("npm run build"),
		Source: "amplify-hosting #2450",
	},
	{
		ID: ruleNotAMap, Title: "file is a list or a single value",
		Why:  "A build specification is a map, whose keys begin at the first column.",
		Bad:  "- frontend\n",
		Good: site("npm run build"),
	},
	{
		ID: ruleTooMany, Title: "more findings than are shown",
		Why:  "At most 200 findings of each severity are shown. The others are counted.",
		Good: site("npm run build"),
	},
	{
		ID: ruleMultiDoc, Title: "several YAML documents",
		Why:  "The service reads one document. A line of three dashes in the middle of the file begins another one.",
		Bad:  site("npm run build") + "---\nversion: 1\n",
		Good: "---\n" + site("npm run build"),
	},
	{
		ID: ruleConflict, Title: "unresolved merge conflict",
		Why:  "The markers of a merge conflict are no YAML.",
		Bad:  "version: 1\n<<<<<<< HEAD\nfrontend: {}\n=======\nbackend: {}\n>>>>>>> main\n",
		Good: site("npm run build"),
	},
	{
		ID: ruleSyntax, Title: "not YAML",
		Why: "The file cannot be parsed, so that the build ends before it begins. The usual reason is a line that is indented " +
			"too far or not far enough.",
		Bad:    "version: 1\nfrontend:\n  artifacts:\n    baseDirectory: dist\n     files: ['**/*']\n",
		Good:   "version: 1\nfrontend:\n  artifacts:\n    baseDirectory: dist\n    files: ['**/*']\n",
		Source: "amplify-hosting #3170",
	},
	{
		ID: ruleTab, Title: "tab in the indentation",
		Why:  "YAML allows only spaces in indentation.",
		Bad:  "version: 1\nfrontend:\n\tartifacts:\n\t\tbaseDirectory: dist\n",
		Good: "version: 1\nfrontend:\n  artifacts:\n    baseDirectory: dist\n",
	},
	{
		ID: ruleControlChar, Title: "control character",
		Why:  "YAML forbids most control characters. They come from copying out of terminals and documents, and are invisible.",
		Good: site("npm run build"),
	},
	{
		ID: ruleUnclosed, Title: "quote or bracket without its end",
		Why:  "All that follows belongs to the text in quotes or to the list in brackets.",
		Bad:  site(`"npm run build`),
		Good: site(`"npm run build"`),
	},
	{
		ID: ruleUnknownAnchor, Title: "alias without its anchor", Fixable: true,
		Why:  "An unquoted text that begins with * is an alias to YAML, a reference to an anchor defined above.",
		Bad:  "version: 1\nfrontend:\n  artifacts:\n    baseDirectory: dist\n    files:\n      - *html\n",
		Good: "version: 1\nfrontend:\n  artifacts:\n    baseDirectory: dist\n    files:\n      - '*html'\n",
	},
	{
		ID: ruleUnquoted, Title: "text that YAML reads as something else", Fixable: true,
		Why:  "An unquoted text may not begin with characters such as *, @, ` or %, and nothing may follow a text in quotes.",
		Bad:  "version: 1\nfrontend:\n  artifacts:\n    baseDirectory: dist\n    files:\n      - **/*\n",
		Good: "version: 1\nfrontend:\n  artifacts:\n    baseDirectory: dist\n    files:\n      - '**/*'\n",
	},
	{
		ID: ruleDuplicateKey, Title: "key twice in the same map",
		Why:  "Many YAML parsers take the last of two equal keys. The service refuses the file.",
		Bad:  site("npm run build") + "version: 1\n",
		Good: site("npm run build"),
	},
	{
		ID: ruleUnknownTag, Title: "unknown YAML tag",
		Why:  "An unquoted text that begins with an exclamation mark is the type of a value to YAML, and the service refuses types that it does not know.",
		Bad:  "version: 1\nfrontend:\n  artifacts:\n    baseDirectory: dist\n    files:\n      - '**/*'\n      - !drafts/**\n",
		Good: "version: 1\nfrontend:\n  artifacts:\n    baseDirectory: dist\n    files:\n      - '**/*'\n      - '!drafts/**'\n",
	},
	{
		ID: ruleBadTag, Title: "value that does not fit its YAML tag",
		Why:  "The type that is written before a value is not the value's. A build specification needs no types.",
		Bad:  "version: !!int one\nfrontend:\n  artifacts:\n    baseDirectory: dist\n",
		Good: "version: 1\nfrontend:\n  artifacts:\n    baseDirectory: dist\n",
	},
	{
		ID: ruleBadMerge, Title: "merge key without a map",
		Why:  "The key << takes over the entries of other maps, so its value must be maps.",
		Bad:  "version: 1\nfrontend:\n  <<: defaults\n  artifacts:\n    baseDirectory: dist\n",
		Good: "version: 1\nx-defaults: &defaults\n  artifacts:\n    baseDirectory: dist\nfrontend:\n  <<: *defaults\n",
	},
	{
		ID: ruleAliasCycle, Title: "alias inside of what it refers to",
		Why:  "An alias repeats a part of the file. Inside of this part it would repeat itself without end.",
		Bad:  "version: 1\nx-loop: &loop [*loop]\nfrontend:\n  artifacts:\n    baseDirectory: dist\n",
		Good: "version: 1\nx-item: &item a\nx-list: [*item]\nfrontend:\n  artifacts:\n    baseDirectory: dist\n",
	},
	{
		ID: ruleAliasBomb, Title: "aliases that expand without measure",
		Why: "A few lines of aliases to aliases can stand for billions of values. Such a file is refused to protect the machine that reads it.",
		Bad: "x-a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\nx-b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n" +
			"x-c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\nx-d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\n" +
			"x-e: [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]\n" + site("npm run build"),
		Good: "x-a: &a [1, 2, 3]\nx-b: [*a, *a]\n" + site("npm run build"),
	},
	{
		ID: ruleTooDeep, Title: "nested too deep",
		Why: "A build specification is about ten levels deep. More than 100 are refused to protect the machine that reads it.",
		Bad: "x: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[" +
			"]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n",
		Good: "x-list: [[[]]]\n" + site("npm run build"),
	},
	{
		ID: ruleNUL, Title: "NUL character",
		Why:  "No command and no environment variable can hold a NUL character. It comes from \\0 in double quotes.",
		Bad:  site(`"printf 'a\0b'"`),
		Good: site(`"printf 'a\\0b'"`),
	},
}
