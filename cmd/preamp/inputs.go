package main

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/preamp-build/preamp/runner/engine"
)

// readEnv puts together the variables of files and flags, in that order.
func readEnv(files, flags []string) ([]engine.Var, error) {
	var vars []engine.Var
	var errs []error
	for _, file := range files {
		more, err := readVars(file)
		if err != nil {
			errs = append(errs, fmt.Errorf("--env-file: %w", err))
		}
		vars = append(vars, more...)
	}
	for _, kv := range flags {
		name, value, ok := strings.Cut(kv, "=")
		if !ok {
			value, ok = os.LookupEnv(name)
		}
		switch {
		case name == "":
			errs = append(errs, fmt.Errorf("--env %q has no name", kv))
		case !ok:
			errs = append(errs, fmt.Errorf("--env %s has no value, and there is no variable of that name here", name))
		default:
			vars = append(vars, engine.Var{Name: name, Value: value})
		}
	}
	return vars, errors.Join(errs...)
}

// readSecrets reads files that are either a JSON object or NAME=VALUE lines.
func readSecrets(files []string) ([]engine.Var, error) {
	var vars []engine.Var
	var errs []error
	for _, file := range files {
		more, err := readVars(file)
		if err != nil {
			errs = append(errs, fmt.Errorf("--secret-file: %w", err))
		}
		vars = append(vars, more...)
	}
	return vars, errors.Join(errs...)
}

func readVars(file string) ([]engine.Var, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	var m map[string]string
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
		m, err = jsonVars(raw)
	} else {
		m, err = parseLines(string(raw))
	}
	if err != nil {
		// The parsers quote the line that they could not read, which may well be a secret.
		return nil, fmt.Errorf("%s is neither a JSON object of strings nor NAME=VALUE lines", file)
	}
	var vars []engine.Var
	for _, name := range slices.Sorted(maps.Keys(m)) {
		vars = append(vars, engine.Var{Name: name, Value: m[name]})
	}
	return vars, nil
}

// parseLines reads NAME=VALUE lines as env files have them: blank lines, # comments, an optional "export", values in single
// or double quotes, which may go over several lines. Nothing in a value is expanded, because a password may hold a dollar
// sign; in double quotes \n, \", \\ and \$ are what they are in a shell.
func parseLines(text string) (map[string]string, error) {
	m := map[string]string{}
	for text != "" {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || name == "" || strings.ContainsAny(name, " \t'\"") {
			return nil, errors.New("no NAME=VALUE")
		}
		if value != "" && (value[0] == '\'' || value[0] == '"') {
			for closing(value) < 0 {
				if text == "" {
					return nil, errors.New("a quote is not closed")
				}
				line, text, _ = strings.Cut(text, "\n")
				value += "\n" + strings.TrimSuffix(line, "\r")
			}
			value = unquote(value)
		} else if i := strings.Index(value, " #"); i >= 0 {
			value = strings.TrimSpace(value[:i])
		}
		m[name] = value
	}
	return m, nil
}

// closing is where the quote ends with which s begins, or -1.
func closing(s string) int {
	for i := 1; i < len(s); i++ {
		if s[0] == '"' && s[i] == '\\' {
			i++
		} else if s[i] == s[0] {
			return i
		}
	}
	return -1
}

var doubleQuoted = strings.NewReplacer(`\n`, "\n", `\r`, "\r", `\t`, "\t", `\"`, `"`, `\\`, `\`, `\$`, "$")

// unquote takes the quotes off; what stands behind them is a comment.
func unquote(s string) string {
	inner := s[1:closing(s)]
	if s[0] == '\'' {
		return inner
	}
	return doubleQuoted.Replace(inner)
}

// jsonVars takes strings as they are, and everything else as its JSON text.
func jsonVars(raw []byte) (map[string]string, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil {
		return nil, err
	}
	m := map[string]string{}
	for name, value := range object {
		var s string
		if err := json.Unmarshal(value, &s); err != nil {
			s = string(value)
		}
		m[name] = s
	}
	return m, nil
}

// readCerts joins PEM files of certificates, and refuses one that holds none.
func readCerts(files []string) ([]byte, error) {
	if file := os.Getenv("PREAMP_CA_CERT"); file != "" && len(files) == 0 {
		files = []string{file}
	}
	var all bytes.Buffer
	var errs []error
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			errs = append(errs, fmt.Errorf("--ca-cert: %w", err))
			continue
		}
		n := 0
		for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
			if block.Type == "CERTIFICATE" {
				all.Write(pem.EncodeToMemory(block))
				n++
			}
		}
		if n == 0 {
			errs = append(errs, fmt.Errorf("--ca-cert: %s holds no PEM certificate", file))
		}
	}
	return all.Bytes(), errors.Join(errs...)
}
