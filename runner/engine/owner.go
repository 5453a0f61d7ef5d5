package engine

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Owner names the process that made something, exactly enough to know later whether it still lives: process ids are
// used again, so the start time belongs to it, and so does the host with its process namespace.
type Owner struct {
	Build string `json:"build"` // build id
	Host  string `json:"host"`
	PID   int    `json:"pid"`
	Start string `json:"start"` // start time of the process, in terms only this package understands
}

// The labels that everything carries which preamp makes in an engine.
const (
	LabelManaged = "preamp.managed"
	LabelBuild   = "preamp.build"
	LabelHost    = "preamp.host"
	LabelPID     = "preamp.pid"
	LabelStart   = "preamp.start"
)

// NewOwner is the calling process as the owner of the build with that id.
func NewOwner(build string) Owner {
	pid := os.Getpid()
	start, err := processStart(pid)
	if err != nil {
		start = "" // an owner without a start time is judged by its pid alone
	}
	return Owner{Build: build, Host: hostIdentity(), PID: pid, Start: start}
}

// Labels are the owner as labels.
func (o Owner) Labels() map[string]string {
	return map[string]string{
		LabelManaged: "true",
		LabelBuild:   o.Build,
		LabelHost:    o.Host,
		LabelPID:     strconv.Itoa(o.PID),
		LabelStart:   o.Start,
	}
}

// OwnerFromLabels reads labels back. ok is false when they are not ours.
func OwnerFromLabels(labels map[string]string) (o Owner, ok bool) {
	if labels[LabelManaged] != "true" {
		return Owner{}, false
	}
	pid, err := strconv.Atoi(labels[LabelPID])
	if err != nil {
		return Owner{}, false
	}
	return Owner{Build: labels[LabelBuild], Host: labels[LabelHost], PID: pid, Start: labels[LabelStart]}, true
}

// Dead reports whether the owner is a process of this host that no longer lives. About processes of other hosts (and of
// other process namespaces) nothing can be known from here, so they are never dead.
func (o Owner) Dead() bool {
	if o.Host != hostIdentity() || o.PID <= 0 {
		return false
	}
	start, err := processStart(o.PID)
	if err != nil {
		return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH)
	}
	return o.Start != "" && start != o.Start
}

// NewBuildID makes an id for a build: sortable by time, unique without coordination.
func NewBuildID() string {
	var b [5]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return time.Now().UTC().Format("20060102t150405") + "-" + hex.EncodeToString(b[:])
}

func hostIdentity() string {
	name, err := os.Hostname()
	if err != nil {
		name = "unknown"
	}
	// Two containers may share a host name, and the same pid means another process in each.
	if ns, err := os.Readlink("/proc/self/ns/pid"); err == nil {
		name += "/" + strings.TrimSuffix(strings.TrimPrefix(ns, "pid:["), "]")
	}
	return name
}

// String is the owner for messages.
func (o Owner) String() string {
	return fmt.Sprintf("build %s of process %d on %s", o.Build, o.PID, o.Host)
}
