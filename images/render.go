package images

import (
	"bytes"
	"fmt"
	"io"
	"text/tabwriter"
)

// marks are what a person sees for each level, readable without colour.
var marks = map[Level]string{LevelOK: "ok", LevelWarning: "warn", LevelError: "FAIL"}

// Render writes the report for a person: one line for each requirement, what to
// do about those that are not met, and a verdict. Errors are w's.
func (rep Report) Render(w io.Writer) error {
	var buf bytes.Buffer // never fails, so that only one write of w's can
	tw := tabwriter.NewWriter(&buf, 0, 0, 2, ' ', 0)
	if os := rep.Facts["os"]; os != "" {
		_, _ = fmt.Fprintf(tw, "%s\n\n", os)
	}
	counts := map[Level]int{}
	for _, f := range rep.Findings {
		counts[f.Level]++
		_, _ = fmt.Fprintf(tw, "%s\t%s\t%s\n", marks[f.Level], f.Subject, shown(f))
		if f.Fix != "" {
			_, _ = fmt.Fprintf(tw, "\t\t%s\n", f.Fix)
		}
	}
	verdict := "This image fits Amplify's requirements"
	if !rep.OK {
		verdict = "This image does not fit Amplify's requirements"
	}
	_, _ = fmt.Fprintf(tw, "\n%s (errors: %d, warnings: %d).\n", verdict, counts[LevelError], counts[LevelWarning])
	_ = tw.Flush()
	if _, err := w.Write(buf.Bytes()); err != nil {
		return fmt.Errorf("write the image report: %w", err)
	}
	return nil
}

// shown shortens what is fine: the list of libraries that curl prints, say.
func shown(f Finding) string {
	if f.Level != LevelOK {
		return f.Message
	}
	return printable(f.Message, 60)
}
