package source

import (
	"bufio"
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// objects reads the objects of one repository in the order in which they are asked for. It is not safe for concurrent use.
type objects interface {
	// each hands every object to use, whose reader is good until use returns. What was read is only known to be what the
	// hash says when each returns nil: until then it may be damaged.
	each(ctx context.Context, list []plumbing.Hash, use func(n int, o readObject) error) error
}

// readObject is one object as it is read.
type readObject struct {
	kind plumbing.ObjectType
	size int64
	r    io.Reader
}

// oneList reads objects of one list: each may be called once.
type oneList interface {
	objects
	Close() error
}

// objects opens the destination's repository once more: with git where it is at hand, which unpacks several times faster.
func (j *job) objects(ctx context.Context) (oneList, error) {
	if j.git != "" {
		return j.git.catFile(ctx, j.dest.gitDir(), nil, "--buffer")
	}
	s, err := openStore(j.dest.gitDir(), j.dest.gitDir(), nil)
	if err != nil {
		return nil, err
	}
	return storeObjects{s}, nil
}

// objects reads by the store itself.
func (s *store) objects() objects {
	if s.fast != nil {
		return s.fast
	}
	return storeObjects{s}
}

// storeObjects reads by go-git.
type storeObjects struct{ *store }

func (s storeObjects) each(ctx context.Context, list []plumbing.Hash, use func(int, readObject) error) error {
	for n, h := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		o, err := s.EncodedObject(plumbing.AnyObject, h)
		if err != nil {
			return fmt.Errorf("the object %s: %w", h, err)
		}
		r, err := o.Reader()
		if err != nil {
			return err
		}
		err = verified(h, readObject{o.Type(), o.Size(), r}, func(o readObject) error { return use(n, o) })
		if err := errors.Join(err, r.Close()); err != nil {
			return err
		}
	}
	return nil
}

// catFile is a running git that prints the objects that it is asked for.
type catFile struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	said   *tail
	cancel context.CancelFunc
	// once is set when git answers in whole buffers, and the last one only when it knows that nothing more is asked.
	once bool
}

// catFile starts git. With the option --buffer it is quicker, but can be asked only once.
func (g gitProgram) catFile(ctx context.Context, gitDir string, borrow []string, options ...string) (*catFile, error) {
	ctx, cancel := context.WithCancel(ctx)
	args := append([]string{"cat-file", "--batch"}, options...)
	c := &catFile{cmd: g.command(ctx, gitDir, borrow, args...), said: &tail{}, cancel: cancel, once: len(options) > 0}
	c.cmd.Stderr = c.said
	var err error
	if c.in, err = c.cmd.StdinPipe(); err == nil {
		var out io.ReadCloser
		if out, err = c.cmd.StdoutPipe(); err == nil {
			if c.once {
				widen(out)
			}
			c.out = bufio.NewReaderSize(out, 1<<16)
			err = c.cmd.Start()
		}
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	return c, nil
}

// Close ends git. It may be in the middle of an answer that nobody wants any more, so how it ends tells nothing.
func (c *catFile) Close() error {
	err := c.in.Close()
	c.cancel()
	_ = c.cmd.Wait()
	if errors.Is(err, os.ErrClosed) {
		return nil // there was nothing more to ask
	}
	return ignoreClosed(err)
}

// each asks from another goroutine, so that git works ahead while what it said is written to disk.
func (c *catFile) each(ctx context.Context, list []plumbing.Hash, use func(int, readObject) error) error {
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		w := bufio.NewWriterSize(c.in, 1<<14)
		for _, h := range list {
			_, _ = w.WriteString(h.String() + "\n") // when git has ended, its answer is missing, too
		}
		_ = w.Flush()
		if c.once {
			_ = c.in.Close()
		}
	}()
	for n, h := range list {
		if err := c.answer(h, func(o readObject) error { return use(n, o) }); err != nil {
			c.cancel() // which ends the goroutine: git will not read on
			<-asked
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return err
		}
	}
	<-asked
	return nil
}

// object reads one object into memory.
func (c *catFile) object(kind plumbing.ObjectType, h plumbing.Hash) (plumbing.EncodedObject, error) {
	if _, err := io.WriteString(c.in, h.String()+"\n"); err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	out := &plumbing.MemoryObject{}
	err := c.answer(h, func(o readObject) error {
		out.SetType(o.kind)
		_, err := io.Copy(out, o.r)
		return err
	})
	if err == nil && kind != plumbing.AnyObject && kind != out.Type() {
		err = plumbing.ErrObjectNotFound // as go-git says it
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *catFile) answer(h plumbing.Hash, use func(readObject) error) error {
	line, err := c.out.ReadString('\n')
	if err != nil {
		return fmt.Errorf("git cat-file ended: %w: %s", err, oneLine(strings.TrimSpace(c.said.String())))
	}
	words := strings.Fields(line)
	if len(words) == 2 && words[1] == "missing" {
		return plumbing.ErrObjectNotFound
	}
	if len(words) != 3 || words[0] != h.String() {
		return fmt.Errorf("git cat-file says %q", oneLine(line))
	}
	kind, err := plumbing.ParseObjectType(words[1])
	if err != nil {
		return err
	}
	size, err := strconv.ParseInt(words[2], 10, 64)
	if err != nil || size < 0 {
		return fmt.Errorf("git cat-file says %q", oneLine(line))
	}
	if err := verified(h, readObject{kind, size, io.LimitReader(c.out, size)}, use); err != nil {
		return err
	}
	_, err = c.out.Discard(1) // a newline
	return err
}

// verified hands the object to use and compares what it reads with the hash. Neither git nor go-git does so when they read:
// a pack that was damaged on the disk would go unnoticed.
func verified(h plumbing.Hash, o readObject, use func(readObject) error) error {
	sum := &countingHash{Hash: sha1.New()}
	fmt.Fprintf(sum.Hash, "%s %d\x00", o.kind, o.size)
	from := o.r
	o.r = io.TeeReader(from, sum)
	if err := use(o); err != nil {
		return err
	}
	if _, err := io.Copy(sum, from); err != nil {
		return err
	}
	if sum.n != o.size || plumbing.Hash(sum.Sum(nil)) != h {
		return &damagedError{fmt.Sprintf("the object %s is damaged", h)}
	}
	return nil
}

type countingHash struct {
	hash.Hash
	n int64
}

func (c *countingHash) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	return c.Hash.Write(b)
}

// waitDelay is how long a git program that was told to end may keep its pipes open.
const waitDelay = 5 * time.Second
