package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

// A record is either refused or gives values that can be written and read again. The fuzzer cannot guess checksums, so
// they are put before what it makes.
func FuzzEnvRecord(f *testing.F) {
	f.Add([]byte(`{"version":1,"app":"\"a\"","branch":"\"b\"","values":{"6b":"dg=="}}`))
	f.Add([]byte(`{"version":1,"app":"\"a\"","branch":"\"b\"","values":{"6b":null,"":"dg==","zz":""}}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		sum := sha256.Sum256(body)
		values, err := parseEnv(append([]byte(hex.EncodeToString(sum[:])+"\n"), body...), "a", "b")
		if err != nil {
			return
		}
		file := t.TempDir() + "/f.env"
		if err := writeEnv(file, "a", "b", values); err != nil {
			t.Fatal(err)
		}
		again, err := readEnv(file, "a", "b")
		if err != nil || len(again) != len(values) {
			t.Fatalf("%d of %d values, %v", len(again), len(values), err)
		}
	})
}
