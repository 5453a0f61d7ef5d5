package cache

import (
	"context"
	"errors"
	"io"
)

// copyBuffer is the size of a buffer to copy with.
const copyBuffer = 256 << 10

// copyAll copies r to its end like io.CopyBuffer, but stops when the context does.
func copyAll(ctx context.Context, w io.Writer, r io.Reader, buf []byte) (int64, error) {
	var total int64
	for {
		if err := context.Cause(ctx); err != nil {
			return total, err
		}
		n, err := r.Read(buf)
		if n > 0 {
			total += int64(n)
			if _, werr := w.Write(buf[:n]); werr != nil {
				return total, werr
			}
		}
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}
