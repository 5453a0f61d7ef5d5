package buildspec

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"
)

// loadYAML reads the one document of the file. It returns nil when there is none or when it is not YAML; the findings
// are then with c.
func loadYAML(src *source, c *collector) *yaml.Node {
	text := src.text
	if most := maxValues(len(text)); countValues(text) > most {
		c.add(Diagnostic{
			Rule:    ruleTooLarge,
			Message: fmt.Sprintf("a build specification of this size may have at most %d keys, values and list entries; the file has more", most),
			Help:    "move long commands into a script in the repository and call it",
		})
		return nil
	}
	if hasHiddenBreaks(text) {
		text = hideBreaks.Replace(text)
	}
	docs, err := decodeYAML(strings.NewReader(text))
	l := &lenient{text: text}
	if err != nil {
		docs, err = l.decode(err)
	}
	text = l.text
	switch {
	case err != nil:
		finding := explainSyntax(src, text, err)
		c.add(finding) // first, so that it isn't crowded out
		reportBefore(src, text, finding.Span.Start.Line, c)
		return nil
	case len(docs) == 0 || isEmptyDocument(docs[0]) && len(docs) == 1:
		c.add(Diagnostic{
			Rule: ruleEmpty, Span: Span{Start: Pos{1, 1}, End: Pos{1, 1}},
			Message: "the file holds no build specification: it is empty or has only comments",
			Help:    "write at least a frontend section with its artifacts, or remove the file to use the app's own settings",
		})
		return nil
	case len(docs) > 1 || endsTwice(text):
		c.add(secondDocument(src))
		return nil
	}
	if text != src.text {
		l.restore(docs[0])
	}
	for _, at := range l.anchors {
		c.add(l.anchorDropped(src, at))
	}
	return docs[0].Content[0]
}

// reportBefore reports what is wrong with the lines before a syntax error, if they are YAML without the rest: a file has
// often been broken more than once.
func reportBefore(src *source, text string, line int, c *collector) {
	end, _ := src.line(line)
	if docs, err := decodeYAML(strings.NewReader(text[:min(end, len(text))])); err == nil && len(docs) == 1 && len(docs[0].Content) == 1 {
		buildTree(src, c, docs[0].Content[0])
	}
}

// decodeYAML reads up to two documents: the second one is all that matters of the rest.
func decodeYAML(r io.Reader) (docs []*yaml.Node, err error) {
	// The input is untrusted and the library reports its own bugs by panicking.
	defer func() {
		if p := recover(); p != nil {
			docs, err = nil, fmt.Errorf("yaml: the parser failed: %v", p)
		}
	}()
	dec := yaml.NewDecoder(r)
	for range 2 {
		doc := new(yaml.Node)
		if err := dec.Decode(doc); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		docs = append(docs, doc)
	}
	return docs, nil
}

// resolvesTag reports whether a scalar with an explicit tag is a value of that tag.
func resolvesTag(n *yaml.Node) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("yaml: the parser failed: %v", p)
		}
	}()
	var v any
	return n.Decode(&v)
}

func isEmptyDocument(doc *yaml.Node) bool {
	if len(doc.Content) == 0 {
		return true
	}
	root := doc.Content[0]
	return root.Kind == yaml.ScalarNode && root.Tag == "!!null"
}

// endOfDocument is a line that ends a document. In js-yaml a second one is a second document.
var endOfDocument = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^\.\.\.[ \t\r]*$`) })

func endsTwice(text string) bool { return len(endOfDocument().FindAllStringIndex(text, 2)) == 2 }

// secondDocument finds the marker that begins the second document.
func secondDocument(src *source) Diagnostic {
	content := false
	at := Pos{1, 1}
	for n := 1; n <= src.lines(); n++ {
		start, end := src.line(n)
		line := src.text[start:end]
		marker := endOfDocument().MatchString(line) && endOfDocument().MatchString(src.text[:start]) || line == "---" || strings.HasPrefix(line, "--- ") || strings.HasPrefix(line, "---\t")
		if marker && content {
			at = Pos{n, 1}
			break
		}
		trimmed := strings.TrimSpace(line)
		content = content || marker || trimmed != "" && !strings.HasPrefix(trimmed, "#") && !strings.HasPrefix(line, "%")
	}
	d := Diagnostic{
		Rule: ruleMultiDoc, Span: Span{Start: at, End: Pos{at.Line, at.Column + 3}},
		Message: "a second YAML document begins here; a build specification is one document",
		Help:    "remove the line with the three dashes, or move what follows into a file of its own",
		Amplify: "CustomerError: Unable to parse build spec: expected a single document in the stream, but found more",
	}
	if start, end := src.line(at.Line); strings.HasPrefix(src.text[start:end], ".") {
		d.Message, d.Help = "the document has ended before; to the service, another one ends here", "remove the line"
	}
	return d
}
