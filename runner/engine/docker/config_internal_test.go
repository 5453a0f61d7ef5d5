package docker

import (
	"testing"

	apicontainer "github.com/docker/docker/api/types/container"
)

// How a folder is mounted on engines that the tests may not have at hand.
func TestMountFolder(t *testing.T) {
	for _, tc := range []struct {
		folder string
		traits traits
		want   string // the older notation; "mount" = the newer one, "" = it cannot be mounted
	}{
		{"/a", traits{}, "mount"},
		{"/a,b:c\"d", traits{}, "mount"},
		{"/a:b", traits{podman: true}, "mount"},
		{"/a,b", traits{podman: true}, "/a,b:/t:rprivate"},
		{"/a\"b", traits{podman: true}, "/a\"b:/t:rprivate"},
		{"/a,b:c", traits{podman: true}, ""},
		{"/a", traits{selinux: true}, "/a:/t:rprivate,Z"},
		{"/a,b", traits{selinux: true, podman: true}, "/a,b:/t:rprivate,Z"},
		{"/a:b", traits{selinux: true}, ""},
	} {
		var h apicontainer.HostConfig
		ok := mountFolder(&h, tc.folder, "/t", tc.traits)
		got := ""
		switch {
		case len(h.Binds) == 1 && len(h.Mounts) == 0:
			got = h.Binds[0]
		case len(h.Mounts) == 1 && len(h.Binds) == 0 && h.Mounts[0].Source == tc.folder && h.Mounts[0].Target == "/t":
			got = "mount"
		}
		if got != tc.want || ok != (tc.want != "") {
			t.Errorf("%s %+v: %q, %t; want %q", tc.folder, tc.traits, got, ok, tc.want)
		}
	}
}

func TestHasOption(t *testing.T) {
	host := hostFacts{SecurityOptions: []string{"name=seccomp,profile=default", "name=rootless", "name=selinux-like"}}
	for name, want := range map[string]bool{"seccomp": true, "rootless": true, "selinux": false, "default": false, "userns": false} {
		if got := hasOption(host, name); got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
