package advice

import (
	"fmt"
	"slices"
)

// aborted is the exit code of a shell whose command ended itself by SIGABRT, as Node.js does when its heap is full.
const aborted = 134

// heapExhausted keeps apart the two limits that a program of Node.js has: V8's heap ends long before the instance's memory.
func heapExhausted(f *Facts) *Advice {
	m := f.Memory
	limit := m.limit()
	for _, c := range f.Commands {
		if c.Code != aborted || c.OOM || m.Peak == 0 || limit == 0 || m.Peak*10 > limit*8 {
			continue
		}
		heap := limit >> 20 * 3 / 4
		a := &Advice{
			ID: idHeap, Message: fmt.Sprintf("%s was aborted (code %d), as Node.js is when its own heap is full; of the %s of memory %s had used %s",
				commandName(c.Text), aborted, memoryOf(limit), m.who(), memoryOf(m.Peak)),
			Help:    fmt.Sprintf("where the log says that the heap is out of memory, set NODE_OPTIONS=--max-old-space-size=%d; a larger instance alone changes nothing", heap),
			Numbers: m.numbers(),
		}
		return a.at(c.Place)
	}
	return nil
}

// memoryNearLimit warns before a build fails for want of memory.
func memoryNearLimit(f *Facts) *Advice {
	m := f.Memory
	limit := m.limit()
	if limit == 0 || m.Peak*10 <= limit*8 {
		return nil
	}
	for _, c := range f.Commands {
		if c.OOM {
			return nil // the failure says it
		}
	}
	of := memoryOf(limit) + " that it had"
	if i := slices.IndexFunc(m.Instances, func(i Instance) bool { return i.Name == m.Instance && i.Memory == limit }); i >= 0 {
		of = fmt.Sprintf("%s that the instance %s has", memoryOf(limit), m.Instance)
	}
	return &Advice{
		ID: idNear, Message: fmt.Sprintf("%s has used %s of the %s", m.who(), memoryOf(m.Peak), of),
		Help: "the next larger build may not fit: use less" + larger(m), Numbers: m.numbers(),
	}
}

// sizeTooLarge is said only where somebody has asked for a larger instance than the service gives by itself.
func sizeTooLarge(f *Facts) *Advice {
	m := f.Memory
	if m.Partly || m.Peak == 0 || len(m.Instances) == 0 || m.Instance == "" || m.Instance == m.Instances[0].Name {
		return nil
	}
	for _, c := range f.Commands {
		if c.Code != 0 {
			return nil // what comes after a failure might need more
		}
	}
	for _, i := range m.Instances {
		if i.Name == m.Instance {
			return nil
		}
		if m.Peak*2 <= i.Memory {
			a := &Advice{
				ID: idTooLarge, Message: fmt.Sprintf("the build has used %s of the memory of the instance %s; %s has %s", memoryOf(m.Peak), m.Instance, i.Name, memoryOf(i.Memory)),
				Help:    fmt.Sprintf("--size %s would do, for memory; it has %g processors", i.Name, i.CPUs),
				Numbers: m.numbers(),
			}
			return a
		}
	}
	return nil
}

// limit is what counts: the service's, or what was in force where that is less.
func (m Memory) limit() int64 {
	for _, i := range m.Instances {
		if i.Name == m.Instance && (m.Limit == 0 || i.Memory < m.Limit) {
			return i.Memory
		}
	}
	return m.Limit
}

// who has used the peak.
func (m Memory) who() string {
	if m.Partly {
		return "a single process of the build"
	}
	return "the build"
}

func (m Memory) numbers() map[string]float64 {
	return map[string]float64{"peakBytes": float64(m.Peak), "limitBytes": float64(m.limit())}
}

// Larger is the smallest instance that has more memory than a limit, if there is one.
func Larger(limit int64, all []Instance) (Instance, bool) {
	for _, i := range all {
		if i.Memory > limit {
			return i, true
		}
	}
	return Instance{}, false
}

// larger is the end of a sentence that says what would give a build more memory.
func larger(m Memory) string {
	i, ok := Larger(m.limit(), m.Instances)
	if !ok {
		return "; the service has no larger instance"
	}
	return fmt.Sprintf(", or --size %s (%s), with %s", i.Name, memoryOf(i.Memory), HeapHint(i))
}

// HeapHint is what makes a program of Node.js use the memory of an instance.
func HeapHint(i Instance) string {
	return fmt.Sprintf("NODE_OPTIONS=--max-old-space-size=%d for Node.js", i.Memory>>20*7/8/1000*1000)
}
