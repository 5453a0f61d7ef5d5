package deploymanifest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/preamp-build/preamp/buildspec"
)

// maxWidth is the width in pixels up to which the service takes images at all.
const maxWidth = 9000

func (c *checker) images(m *Manifest, root *value) {
	s := c.optional(root, "imageSettings", object)
	if s == nil {
		return
	}
	v := s.val
	c.keys(v, "in imageSettings", "sizes", "domains", "remotePatterns", "formats", "minimumCacheTTL", "dangerouslyAllowSVG")
	m.Images = &ImageSettings{Span: v.span}
	if sizes := c.need(v, "sizes", list); sizes != nil {
		m.Images.Sizes = c.sizes(sizes)
	}
	if domains := c.need(v, "domains", list); domains != nil {
		for _, item := range c.elements(domains, text) {
			c.domain(item)
			m.Images.Domains = append(m.Images.Domains, asText(item))
		}
	}
	if formats := c.need(v, "formats", list); formats != nil {
		for _, item := range c.elements(formats, text) {
			c.format(item)
			m.Images.Formats = append(m.Images.Formats, asText(item))
		}
	}
	if patterns := c.need(v, "remotePatterns", list); patterns != nil {
		for _, item := range c.elements(patterns, object) {
			m.Images.RemotePatterns = append(m.Images.RemotePatterns, c.remotePattern(item))
		}
	}
	if ttl := c.need(v, "minimumCacheTTL", number); ttl != nil {
		m.Images.MinimumCacheTTL, _ = c.natural(ttl.val, ruleImages, "minimumCacheTTL, in seconds,", 0)
	}
	if svg := c.need(v, "dangerouslyAllowSVG", boolean); svg != nil {
		m.Images.AllowSVG = svg.val.text == "true"
	}
}

func (c *checker) sizes(m *member) []int {
	var all []int
	for _, item := range c.elements(m, number) {
		n, ok := c.natural(item, ruleImages, "a size, in pixels,", 1)
		switch {
		case !ok:
		case n > maxWidth:
			c.add(buildspec.Diagnostic{
				Rule: ruleImages, Severity: buildspec.Warning, Span: item.span,
				Message: fmt.Sprintf("images are at most %d pixels wide: this size is of no use", maxWidth), Help: "remove it",
			})
		case slices.Contains(all, n):
			c.add(buildspec.Diagnostic{
				Rule: ruleImages, Severity: buildspec.Hint, Span: item.span, Message: fmt.Sprintf("the size %d is there already", n), Help: "remove it",
			})
		}
		all = append(all, n)
	}
	return all
}

func (c *checker) format(v *value) {
	if slices.Contains(imageFormats, v.text) {
		return
	}
	c.add(buildspec.Diagnostic{
		Rule: ruleImages, Span: v.span, Message: fmt.Sprintf("images cannot be turned into %q", shorten(v.text)),
		Help: "possible are " + strings.Join(imageFormats, ", "),
	})
}

var domainText = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$`) })

func (c *checker) domain(v *value) {
	if domainText().MatchString(v.text) {
		return
	}
	c.add(buildspec.Diagnostic{
		Rule: ruleImages, Severity: buildspec.Warning, Span: v.span, Message: fmt.Sprintf("%q is no domain and matches nothing", shorten(v.text)),
		Help: "write the host only, such as example.com; for a pattern use remotePatterns",
	})
}

func (c *checker) remotePattern(v *value) RemotePattern {
	c.keys(v, "in a remote pattern", "protocol", "hostname", "port", "pathname")
	p := RemotePattern{
		Protocol: c.optionalText(v, "protocol"), Hostname: c.needText(v, "hostname"),
		Port: c.optionalText(v, "port"), Pathname: c.optionalText(v, "pathname"),
	}
	switch {
	case !p.Protocol.Set() || p.Protocol.Value == "https":
	case p.Protocol.Value == "http":
		// The documentation names https alone, adapters allow both.
		c.add(buildspec.Diagnostic{
			Rule: ruleRemotePattern, Severity: buildspec.Warning, Span: p.Protocol.Span, Message: "images are fetched by https only", Help: "write https",
		})
	default:
		c.add(buildspec.Diagnostic{
			Rule: ruleRemotePattern, Span: p.Protocol.Span, Message: fmt.Sprintf("%q is no protocol for images", shorten(p.Protocol.Value)), Help: "write https",
		})
	}
	switch host := p.Hostname.Value; {
	case p.Hostname.Set() && strings.Trim(host, "*") == "":
		c.add(buildspec.Diagnostic{
			Rule: ruleRemotePattern, Span: p.Hostname.Span, Message: "a hostname of stars alone is not allowed",
			Help: "name the domain, such as **.example.com",
		})
	case strings.ContainsAny(host, "/: "):
		c.add(buildspec.Diagnostic{
			Rule: ruleRemotePattern, Severity: buildspec.Warning, Span: p.Hostname.Span, Message: "the hostname has more in it than a host, and so matches nothing",
			Help: "protocol, port and pathname have keys of their own",
		})
	}
	return p
}
