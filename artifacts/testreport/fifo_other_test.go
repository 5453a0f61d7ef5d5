//go:build !unix

package testreport_test

import "testing"

func mkfifo(t *testing.T, _ string) {
	t.Helper()
	t.Skip("needs named pipes")
}
