package report

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"math"
	"slices"
	"strconv"
)

// The plot's measures, in pixels.
const (
	panelWidth   = 490
	panelHeight  = 350
	marginLeft   = 62
	marginTop    = 46
	marginBottom = 46
	plotWidth    = 250
	plotHeight   = panelHeight - marginTop - marginBottom
	labelGap     = 14 // between the lines' names
)

// style has both: pages that show the plot may be light or dark, and it brings its own ground for either.
const style = `<style>
.ground{fill:#fff}.grid{stroke:#e3e6ea;stroke-width:1}.text{fill:#4b5563}.title{fill:#111827;font-weight:600;font-size:14px}
.ours{stroke:#2563eb}.ours-dot{fill:#2563eb}.ours-name{fill:#1d4ed8;font-weight:600}
.peer{stroke:#9a5b13;stroke-dasharray:5 4}.peer-dot{fill:#9a5b13}.peer-name{fill:#85500f}
.lead{stroke:#9ca3af;stroke-width:.8}
@media (prefers-color-scheme:dark){
.ground{fill:#14181f}.grid{stroke:#2b323c}.text{fill:#a9b2bf}.title{fill:#f3f4f6}
.ours{stroke:#7aa7ff}.ours-dot{fill:#7aa7ff}.ours-name{fill:#8fb5ff}
.peer{stroke:#e0a15a}.peer-dot{fill:#e0a15a}.peer-name{fill:#e8b06f}
.lead{stroke:#6b7280}}
</style>
`

// WriteSVG draws the panels side by side: seconds against files, both on logarithmic scales.
func WriteSVG(out io.Writer, panels []Panel) error {
	w := bufio.NewWriter(out)
	width := panelWidth * max(len(panels), 1)
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" font-family="system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif" font-size="11.5">`+"\n",
		width, panelHeight, width, panelHeight)
	fmt.Fprint(w, "<title>Time against the number of files</title>\n", style)
	fmt.Fprintf(w, `<rect class="ground" width="%d" height="%d" rx="8"/>`+"\n", width, panelHeight)
	for i, p := range panels {
		s := scalesOf(p)
		fmt.Fprintf(w, `<g transform="translate(%d 0)">`+"\n", i*panelWidth)
		fmt.Fprintf(w, `<text class="title" x="%d" y="26">%s</text>`+"\n", marginLeft, html.EscapeString(p.Title))
		fmt.Fprintf(w, `<text class="ours-name" x="%d" y="26">preamp</text><text class="peer-name" x="%d" y="26">others</text>`+"\n",
			marginLeft+plotWidth+18, marginLeft+plotWidth+72)
		s.grid(w)
		for _, l := range p.Lines {
			s.line(w, l)
		}
		s.names(w, p.Lines)
		fmt.Fprint(w, "</g>\n")
	}
	fmt.Fprint(w, "</svg>\n")
	return w.Flush()
}

// scales map files and seconds to places.
type scales struct {
	files      []int
	left, span float64 // log10 of the files
	low, high  int     // powers of ten of the seconds
}

func scalesOf(p Panel) scales {
	s := scales{low: math.MaxInt, high: math.MinInt}
	for _, l := range p.Lines {
		for _, pt := range l.Points {
			if !slices.Contains(s.files, pt.Files) {
				s.files = append(s.files, pt.Files)
			}
			decade := math.Log10(pt.Seconds)
			s.low, s.high = min(s.low, int(math.Floor(decade))), max(s.high, int(math.Ceil(decade)))
		}
	}
	slices.Sort(s.files)
	if len(s.files) > 0 {
		s.left = math.Log10(float64(s.files[0]))
		s.span = math.Log10(float64(s.files[len(s.files)-1])) - s.left
	}
	if s.low >= s.high {
		s.high = s.low + 1
	}
	return s
}

func (s scales) x(files int) float64 {
	if s.span == 0 {
		return marginLeft + plotWidth/2
	}
	return marginLeft + 8 + (math.Log10(float64(files))-s.left)/s.span*(plotWidth-16)
}

func (s scales) y(seconds float64) float64 {
	return marginTop + plotHeight*(1-(math.Log10(seconds)-float64(s.low))/float64(s.high-s.low))
}

func (s scales) grid(w io.Writer) {
	if len(s.files) == 0 {
		return
	}
	for decade := s.low; decade <= s.high; decade++ {
		y := s.y(math.Pow10(decade))
		fmt.Fprintf(w, `<path class="grid" d="M%d %.1fH%d"/>`, marginLeft, y, marginLeft+plotWidth)
		fmt.Fprintf(w, `<text class="text" x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n", marginLeft-8, y+4, tick(decade))
	}
	for _, n := range s.files {
		fmt.Fprintf(w, `<text class="text" x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", s.x(n), marginTop+plotHeight+18, thousands(n))
	}
	fmt.Fprintf(w, `<text class="text" x="%d" y="%d" text-anchor="middle">files</text>`+"\n", marginLeft+plotWidth/2, marginTop+plotHeight+36)
}

func (s scales) line(w io.Writer, l Line) {
	class := l.class()
	var d string
	for i, p := range l.Points {
		verb := "L"
		if i == 0 {
			verb = "M"
		}
		d += fmt.Sprintf("%s%.1f %.1f", verb, s.x(p.Files), s.y(p.Seconds))
	}
	fmt.Fprintf(w, `<path class="%s" d="%s" fill="none" stroke-width="2" stroke-linejoin="round"/>`+"\n", class, d)
	for _, p := range l.Points {
		fmt.Fprintf(w, `<circle class="%s-dot" cx="%.1f" cy="%.1f" r="3"><title>%s, %s files: %s</title></circle>`+"\n",
			class, s.x(p.Files), s.y(p.Seconds), html.EscapeString(l.Name), thousands(p.Files), Format(Seconds, p.Seconds))
	}
}

func (l Line) class() string {
	if l.Peer {
		return "peer"
	}
	return "ours"
}

// names writes each line's name beside its end, so that no legend has to be read and nothing hangs on colours. Names that would
// lie upon each other are moved apart.
func (s scales) names(w io.Writer, lines []Line) {
	type label struct {
		line   Line
		at, to float64
	}
	var labels []label
	for _, l := range lines {
		if len(l.Points) > 0 {
			y := s.y(l.Points[len(l.Points)-1].Seconds)
			labels = append(labels, label{l, y, y})
		}
	}
	slices.SortStableFunc(labels, func(a, b label) int { return int(math.Copysign(1, a.at-b.at)) })
	for i := 1; i < len(labels); i++ {
		labels[i].to = max(labels[i].to, labels[i-1].to+labelGap)
	}
	bottom := float64(marginTop + plotHeight + 4)
	for i := len(labels) - 1; i >= 0; i-- {
		labels[i].to = min(labels[i].to, bottom)
		bottom = labels[i].to - labelGap
	}
	for _, l := range labels {
		end := l.line.Points[len(l.line.Points)-1]
		x := s.x(end.Files)
		if math.Abs(l.at-l.to) > 2 {
			fmt.Fprintf(w, `<path class="lead" d="M%.1f %.1fL%.1f %.1f"/>`, x+5, l.at, x+15, l.to)
		}
		fmt.Fprintf(w, `<text class="%s-name" x="%.1f" y="%.1f">%s</text>`+"\n", l.line.class(), x+18, l.to+4, html.EscapeString(l.line.Name))
	}
}

// tick is a power of ten in seconds.
func tick(decade int) string {
	if decade < 0 {
		return strconv.FormatFloat(math.Pow10(decade+3), 'f', -1, 64) + " ms"
	}
	return strconv.FormatFloat(math.Pow10(decade), 'f', -1, 64) + " s"
}

func thousands(n int) string {
	if n >= 1000 && n%1000 == 0 {
		return strconv.Itoa(n/1000) + "k"
	}
	return strconv.Itoa(n)
}
