package redact

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// reference masks text the obvious way: all occurrences of all forms, overlapping ones merged.
func reference(forms []string, text string) string {
	var hits []span
	for _, f := range forms {
		for at := 0; ; at++ {
			i := strings.Index(text[at:], f)
			if i < 0 {
				break
			}
			at += i
			hits = append(hits, span{at, at + len(f)})
		}
	}
	slices.SortFunc(hits, func(a, b span) int { return a.start - b.start })
	var out strings.Builder
	end := 0
	for _, h := range hits {
		if h.start >= end {
			out.WriteString(text[end:h.start])
			out.WriteString(Mask)
		}
		end = max(end, h.end)
	}
	out.WriteString(text[end:])
	return out.String()
}

func allForms(secrets []Secret) []string {
	var all []string
	for _, s := range secrets {
		all = append(all, forms(s.Value)...)
	}
	return all
}

// check compares the Writer, fed with parts, to the reference.
func check(t *testing.T, secrets []Secret, parts [][]byte) {
	t.Helper()
	var out bytes.Buffer
	r := New(secrets...)
	w := r.Writer(&out)
	for _, p := range parts {
		if _, err := w.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	all := allForms(secrets)
	text := string(bytes.Join(parts, nil))
	if diff := cmp.Diff(reference(all, text), out.String()); diff != "" {
		t.Fatalf("secrets %q, writes %q (-reference +writer):\n%s", secrets, parts, diff)
	}
	if got := r.String(text); got != out.String() {
		t.Fatalf("secrets %q: String(%q) = %q, the writer made %q", secrets, text, got, out.String())
	}
	for _, f := range all {
		// A form with a star in it can arise from the masks.
		if !strings.Contains(f, "*") && strings.Contains(out.String(), f) {
			t.Fatalf("secrets %q, writes %q: %q survives in %q", secrets, parts, f, out.String())
		}
	}
}

// split cuts text at random places.
func split(rnd *rand.Rand, text []byte) [][]byte {
	var parts [][]byte
	longest := 1 + rnd.IntN(12)
	for len(text) > 0 {
		n := min(rnd.IntN(longest+1), len(text)) // also empty writes
		parts, text = append(parts, text[:n]), text[n:]
	}
	return parts
}

// letters returns up to n letters of a tiny alphabet, so that everything overlaps with everything.
func letters(rnd *rand.Rand, alphabet string, n int) string {
	b := make([]byte, rnd.IntN(n+1))
	for i := range b {
		b[i] = alphabet[rnd.IntN(len(alphabet))]
	}
	return string(b)
}

func TestAgainstReference(t *testing.T) {
	for seed := range uint64(3000) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		alphabet := []string{"ab", "abc", "ab\n", "a'/ "}[rnd.IntN(4)]
		var secrets []Secret
		for range 1 + rnd.IntN(5) {
			secrets = append(secrets, Secret{Value: letters(rnd, alphabet, 14)})
		}
		all := append(allForms(secrets), "")
		var text strings.Builder
		for range rnd.IntN(12) {
			form := all[rnd.IntN(len(all))]
			cut := rnd.IntN(len(form) + 1)
			text.WriteString([]string{form, form[:cut], form[cut:], letters(rnd, alphabet, 9)}[rnd.IntN(4)])
		}
		check(t, secrets, split(rnd, []byte(text.String())))
	}
}

// FuzzWriter lets the fuzzer choose secrets (separated by NUL), the text (in which a byte of 0xF0+n stands for the n-th spelling)
// and where the writes are cut.
func FuzzWriter(f *testing.F) {
	f.Add([]byte("hunter2\x00aabb"), []byte("x hunter2 aaabby \xf0\xf1"), uint64(1))
	f.Add([]byte("line one\nline two\x00aaaa"), []byte("aaaaaaaa\xf2\xf3line one"), uint64(2))
	f.Add([]byte("a+b/c d'e\"f<&>"), []byte("\xf4\xf5\xf6\xf7\xf8\xf9\xfa\xfb"), uint64(3))
	f.Fuzz(func(t *testing.T, values, text []byte, seed uint64) {
		if len(values) > 200 || len(text) > 300 {
			return // the reference is slow
		}
		rnd := rand.New(rand.NewPCG(seed, 2))
		var secrets []Secret
		for _, v := range bytes.SplitN(values, []byte{0}, 6) {
			secrets = append(secrets, Secret{Value: string(v)})
		}
		all := allForms(secrets)
		var full []byte
		for _, c := range text {
			if c < 0xf0 || len(all) == 0 {
				full = append(full, c)
				continue
			}
			full = append(full, all[(int(c-0xf0)*7+rnd.IntN(len(all)))%len(all)]...)
		}
		check(t, secrets, split(rnd, full))
	})
}

func TestManySecrets(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 3))
	var secrets []Secret
	for i := range 500 {
		secrets = append(secrets, Secret{Value: fmt.Sprintf("key_%d_%x", i, rnd.Uint64())})
	}
	r := New(secrets...)
	for _, s := range secrets {
		if got := r.String("<" + s.Value + ">"); got != "<***>" {
			t.Fatalf("%q became %q", s.Value, got)
		}
	}
}

func TestHugeSecret(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 4))
	huge := make([]byte, 1<<20)
	for i := range huge {
		huge[i] = byte('!' + rnd.IntN('~'-'!'+1))
	}
	r := New(Secret{Value: string(huge)}, Secret{Value: "hunter2"})
	if got := r.auto.size(); got > 64<<20 {
		t.Errorf("a secret of 1 MiB takes %d MiB", got>>20)
	}
	var out bytes.Buffer
	w := r.Writer(&out)
	// Nearly the whole secret, then the whole, in small writes: all of the first must come out again.
	text := slices.Concat([]byte("<"), huge[:len(huge)-1], []byte("> <"), huge, []byte(">"))
	for part := range slices.Chunk(text, 1000) {
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	want := slices.Concat([]byte("<"), huge[:len(huge)-1], []byte("> <***>"))
	if !bytes.Equal(out.Bytes(), want) {
		t.Errorf("got %d bytes, want %d", out.Len(), len(want))
	}
}

// A long secret that repeats itself is the worst case for naive matchers: with them this test does not end.
func TestWorstCaseIsLinear(t *testing.T) {
	a := strings.Repeat("a", 100<<10)
	r := New(Secret{Value: a + "b"}, Secret{Value: "aaaac"})
	var out bytes.Buffer
	w := r.Writer(&out)
	for i := range len(a) {
		if _, err := w.Write([]byte(a[i : i+1])); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		if _, err := w.Write([]byte(a)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Write([]byte("b")); err != nil {
		t.Fatal(err)
	}
	if want := strings.Repeat(a, 20) + "***"; out.String() != want {
		t.Errorf("got %d bytes, want %d", out.Len(), len(want))
	}
}

func TestEndlessHitHoldsNothing(t *testing.T) {
	w := New(Secret{Value: "aaaa"}).Writer(new(bytes.Buffer))
	for range 1000 {
		if _, err := w.Write(bytes.Repeat([]byte("a"), 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.held) > 8 || cap(w.held) > 4*chunk || len(w.hits) > 1 {
		t.Errorf("holds %d bytes (buffer %d), %d hits", len(w.held), cap(w.held), len(w.hits))
	}
}

// size returns roughly how many bytes the automaton takes.
func (a *automaton) size() int {
	const mapEntry = 32
	return 2*cap(a.nodes) + 4*cap(a.fail) + mapEntry*(len(a.edges)+len(a.ends)) + 12*cap(a.runs) +
		1<<16 + 1<<prefixBits/8
}

func TestSizeOfOrdinarySecrets(t *testing.T) {
	if got := New(ordinarySecrets(100)...).auto.size(); got > 8<<20 {
		t.Errorf("100 secrets take %d KiB", got>>10)
	}
}

// ordinarySecrets returns what projects have: tokens, URLs with passwords, a private key, and a few words.
func ordinarySecrets(n int) []Secret {
	rnd := rand.New(rand.NewPCG(7, 7))
	const alnum = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	token := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = alnum[rnd.IntN(len(alnum))]
		}
		return string(b)
	}
	var all []Secret
	for i := range n {
		value := token(20 + rnd.IntN(30))
		switch i % 10 {
		case 1:
			value = "ghp_" + token(36)
		case 3:
			value = "postgres://app:" + token(12) + "@db.internal:5432/app?sslmode=require"
		case 5:
			value = "production-" + token(4)
		case 7:
			value = "-----BEGIN PRIVATE KEY-----\n"
			for range 26 {
				value += token(64) + "\n"
			}
			value += "-----END PRIVATE KEY-----\n"
		}
		all = append(all, Secret{Name: fmt.Sprint("S", i), Value: value})
	}
	return all
}

func logText(size int) []byte {
	lines := []string{
		"npm warn deprecated inflight@1.0.6: This module is not supported, and leaks memory. Do not use it.\n",
		"\x1b[32m✓\x1b[0m 1432 modules transformed.\n",
		"dist/assets/index-DiwrgTda.js   143.42 kB │ gzip: 46.11 kB\n",
		"[12:04:31.120] Executing command: npm run build -- --mode production\n",
		"src/components/App/Navigation.tsx(14,7): warning TS6133: 'useState' is declared but never read.\n",
		"added 1312 packages, and audited 1313 packages in 21s\n",
		"sha512-QVBTVUNEUzIxMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkw==\n",
	}
	var b []byte
	for i := 0; len(b) < size; i++ {
		b = append(b, lines[i%len(lines)]...)
	}
	return b[:size]
}

func BenchmarkWriter(b *testing.B) {
	text := logText(1 << 20)
	for _, n := range []int{1, 20, 100, 500} {
		for _, write := range []int{100, 32 << 10} {
			b.Run(fmt.Sprintf("secrets=%d/write=%d", n, write), func(b *testing.B) {
				w := New(ordinarySecrets(n)...).Writer(discard{})
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					for part := range slices.Chunk(text, write) {
						if _, err := w.Write(part); err != nil {
							b.Fatal(err)
						}
					}
				}
			})
		}
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func BenchmarkNew(b *testing.B) {
	for _, n := range []int{20, 500} {
		all := ordinarySecrets(n)
		b.Run(fmt.Sprint("secrets=", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				New(all...)
			}
		})
	}
}
