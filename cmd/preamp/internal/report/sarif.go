package report

import (
	"encoding/json"
	"io"
	"path/filepath"

	"github.com/preamp-build/preamp/buildspec"
)

// The part of SARIF 2.1.0 that code scanners read.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name  string      `json:"name"`
		URI   string      `json:"informationUri"`
		Rules []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID    string    `json:"id"`
		Short sarifText `json:"shortDescription"`
		Full  sarifText `json:"fullDescription"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn,omitempty"`
		EndLine     int `json:"endLine,omitempty"`
		EndColumn   int `json:"endColumn,omitempty"`
	}
)

func sarif(w io.Writer, files []File) error {
	run := sarifRun{
		Tool:       sarifTool{sarifDriver{Name: "preamp", URI: "https://github.com/preamp-build/preamp", Rules: []sarifRule{}}},
		ColumnKind: "unicodeCodePoints",
		Results:    []sarifResult{},
	}
	used := map[string]bool{}
	for _, f := range files {
		for _, d := range f.Found {
			used[d.Rule] = true
			run.Results = append(run.Results, sarifOf(f.Name, d))
		}
	}
	for _, r := range Rules() {
		if used[r.ID] {
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{ID: r.ID, Short: sarifText{r.Title}, Full: sarifText{r.Why}})
		}
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}})
}

func sarifOf(file string, d buildspec.Diagnostic) sarifResult {
	level := "note"
	switch d.Severity {
	case buildspec.Error:
		level = "error"
	case buildspec.Warning:
		level = "warning"
	}
	message := d.Message
	if d.Help != "" {
		message += "\n" + d.Help
	}
	loc := sarifPhysical{Artifact: sarifArtifact{filepath.ToSlash(file)}}
	if s := d.Span; s.Start.IsValid() {
		loc.Region = &sarifRegion{StartLine: s.Start.Line, StartColumn: s.Start.Column, EndLine: s.End.Line, EndColumn: s.End.Column}
	}
	return sarifResult{RuleID: d.Rule, Level: level, Message: sarifText{message}, Locations: []sarifLocation{{loc}}}
}
