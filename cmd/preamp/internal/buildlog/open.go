package buildlog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// MaxSize is how large a log may be, in bytes.
const MaxSize = 64 << 20

// The files of an output folder of preamp.
const (
	resultFile = "result.json"
	logFile    = "build.log"
)

// Open reads a log file, or the output folder of a preamp build. A log that lies in such a folder is read with the result
// beside it.
func Open(name string) (*Log, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		if _, err := os.Stat(filepath.Join(name, logFile)); err != nil {
			return nil, &NotALogError{
				Name: name, Message: "the folder holds no " + logFile,
				Hint: "name a log, or the output folder of preamp build (--out)",
			}
		}
		return openWith(filepath.Join(name, logFile), filepath.Join(name, resultFile))
	}
	if filepath.Base(name) == logFile {
		return openWith(name, filepath.Join(filepath.Dir(name), resultFile))
	}
	return openWith(name, "")
}

func openWith(name, result string) (*Log, error) {
	raw, err := readFile(name)
	if err != nil {
		return nil, err
	}
	var res *buildResult
	if result != "" {
		if res, err = readResult(result); err != nil {
			return nil, err
		}
	}
	return parse(name, raw, res)
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it is only read from
	return ReadAll(name, f)
}

// ReadAll reads a log up to MaxSize.
func ReadAll(name string, r io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(raw) > MaxSize {
		return nil, &NotALogError{Name: name, Message: fmt.Sprintf("it is larger than %d MiB", MaxSize>>20), Hint: "cut it to the build in question"}
	}
	return raw, nil
}

// Parse reads the text of a log. name is for people. The error is a NotALogError.
func Parse(name string, raw []byte) (*Log, error) { return parse(name, raw, nil) }

func parse(name string, raw []byte, res *buildResult) (*Log, error) {
	l := &Log{Name: name, Lines: lines(raw)}
	form, err := detect(l, raw)
	if err != nil {
		return nil, err
	}
	l.Form = form
	switch form {
	case Service:
		readService(l)
	case Plain:
		readPlain(l, res.commands())
	case Events:
		readEvents(l, raw)
	}
	if res != nil {
		res.complete(l)
	}
	return l, nil
}

// detect finds out what kind of log it is, by the lines that only one kind has.
func detect(l *Log, raw []byte) (Form, error) {
	if first := bytes.TrimSpace(raw); len(first) > 0 && first[0] == '{' {
		line, _, _ := bytes.Cut(first, []byte("\n"))
		var e event
		if json.Unmarshal(line, &e) == nil && e.Type != "" {
			return Events, nil
		}
	}
	var service, ours, deploy int
	for _, line := range l.Lines {
		text := strip(line.Text)
		switch {
		case isMarker(text):
			service++
		case plainSection().MatchString(line.Text), plainPhase().MatchString(line.Text), strings.HasPrefix(line.Text, "preamp     build "):
			ours++
		case strings.HasPrefix(text, "Beginning deployment for application "), strings.HasPrefix(text, "Got archive: "),
			strings.HasPrefix(text, "Deployed the following resources"):
			deploy++
		}
	}
	switch {
	case service > ours:
		return Service, nil
	case ours > 0:
		return Plain, nil
	case deploy > 0:
		return "", &NotALogError{
			Name: l.Name, Message: "this is the log of Amplify's deploy step, not that of the build",
			Hint: "copy or download the log under Build in the console",
		}
	}
	return "", &NotALogError{
		Name: l.Name, Message: "this is not the log of a build: it has none of the lines that Amplify or preamp print around commands",
		Hint: "copy or download the log under Build in the Amplify console, with its first lines",
	}
}

// buildResult holds what is read of a result.json.
type buildResult struct {
	Source struct {
		Commit    string `json:"commit"`
		WorkTree  bool   `json:"workTree"`
		Changed   int    `json:"changed"`
		Untracked int    `json:"untracked"`
	} `json:"source"`
	Image struct {
		Ref string `json:"ref"`
	} `json:"image"`
	EnvNames []string `json:"envNames"`
	Failure  *failure `json:"failure"`
	Headers  *struct {
		File string `json:"file"`
	} `json:"headers"`
	Artifacts *struct {
		Files int `json:"files"`
	} `json:"artifacts"`
	Sections []struct {
		Name   string `json:"name"`
		Phases []struct {
			Name     string `json:"name"`
			Commands []struct {
				Text string `json:"text"`
				Code int    `json:"code"`
				OOM  bool   `json:"oom"`
			} `json:"commands"`
		} `json:"phases"`
	} `json:"sections"`
	Usage struct {
		MemoryLimit int64 `json:"memoryLimit"`
	} `json:"usage"`
}

func readResult(name string) (*buildResult, error) {
	raw, err := readFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r := &buildResult{}
	if err := json.Unmarshal(raw, r); err != nil {
		return nil, &NotALogError{Name: name, Message: fmt.Sprintf("it is not the result of a build: %v", err)}
	}
	return r, nil
}

// commands are those that the build began, in their order.
func (r *buildResult) commands() []Command {
	if r == nil {
		return nil
	}
	all := []Command{}
	for _, s := range r.Sections {
		for _, p := range s.Phases {
			for _, c := range p.Commands {
				text, rest := Split(c.Text)
				all = append(all, Command{Section: s.Name, Phase: p.Name, Text: text, Rest: rest, Code: c.Code, OOM: c.OOM})
			}
		}
	}
	return all
}

// complete adds what the log itself does not tell.
func (r *buildResult) complete(l *Log) {
	l.Ours, l.EnvNames = true, r.EnvNames
	fill(&l.Commit, r.Source.Commit)
	if strings.HasPrefix(r.Source.Commit, l.Commit.Value) {
		l.Commit.Value = r.Source.Commit
	}
	l.WorkTree, l.Changed = r.Source.WorkTree, r.Source.Changed+r.Source.Untracked
	fill(&l.Image, r.Image.Ref)
	if r.Headers != nil {
		fill(&l.Headers, headerFact(r.Headers.File, None).Value)
	}
	if r.Artifacts != nil {
		fill(&l.Files, strconv.Itoa(r.Artifacts.Files))
	}
	if l.Memory == 0 && r.Usage.MemoryLimit > 0 {
		l.Memory = float64(r.Usage.MemoryLimit) / (1 << 30)
	}
	known := r.commands()
	for i := range min(len(known), len(l.Commands)) {
		if k, c := known[i], &l.Commands[i]; k.Text == c.Text {
			c.Rest, c.OOM = k.Rest, k.OOM
			if k.Code != 0 {
				c.Outcome, c.Code = Failed, k.Code
			}
		}
	}
	if f := r.Failure; f != nil && f.Class != "command" && len(l.Failures) > 0 {
		l.Failures[0].Value = f.text() // in the service's words where they are known
	}
}

func fill(f *Fact, value string) {
	if !f.Known() && value != "" {
		*f = Fact{value, None}
	}
}
